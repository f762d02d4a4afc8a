/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reads a host name in one pass: validates it, converts it to lower case, and hashes each label and the whole. */
#ifndef SALLYPORT_DECIDE_NAME_H
#define SALLYPORT_DECIDE_NAME_H

#include "../parse/bytes.h"
#include "hash.h"
#include "../wire/state.h"

#define SP_LABEL_MAX 63 /* RFC 1035 2.3.4 */
#define SP_HOST_MAX 253 /* RFC 1035 2.3.4, as text */
#define SP_BLOCK 8 /* bytes of one step */

struct sp_name_reader {
	__u64 key[2];
	struct sp_hash whole, label;
	__u32 at, end; /* of raw */
	__u32 begin; /* in, and 0 afterwards: offset of the name in raw */
	__u32 labels, label_length;
	__u8 digits, bad;
	__u8 odd; /* has characters that are invalid in host names: a server may use only a part of the name */
	__u8 any; /* in: the name of a DNS question, which may have any bytes (RFC 2181 11) */
	__u8 ends[SP_LABELS_MAX]; /* offset behind label i, counted from the left, is [i % SP_LABELS_MAX] */
	struct sp_name entry;
	char raw[SP_NAME_MAX + SP_BLOCK]; /* in: SP_NAME_MAX bytes, with dots, as sent */
};

/* Eight bytes of text at once. A result has the high bit set in each byte for which it is true. */
#define SP_EACH(byte) (0x0101010101010101ULL * (byte))
#define SP_HIGH SP_EACH(0x80)

/* Sets the high bit of each byte of `ascii` (without high bits) that is at least `least`. */
#define sp_from(ascii, least) ((ascii) + SP_EACH(0x80 - (least)))

static __always_inline __u64 sp_between(__u64 bytes, __u8 least, __u8 most)
{
	__u64 ascii = bytes & ~SP_HIGH;

	return sp_from(ascii, least) & ~sp_from(ascii, most + 1) & ~bytes & SP_HIGH;
}

static __always_inline __u64 sp_equal(__u64 bytes, __u8 byte)
{
	__u64 differs = bytes ^ SP_EACH(byte);

	return ~(((differs & ~SP_HIGH) + ~SP_HIGH) | differs) & SP_HIGH;
}

static __always_inline void sp_label_begin(struct sp_name_reader *r)
{
	sp_hash_begin(&r->label, r->key);
	r->label_length = 0;
	r->digits = 1;
}

static __always_inline void sp_label_end(struct sp_name_reader *r)
{
	__u64 hash = sp_hash_finish(r->label, r->label_length);

	if (r->label_length == 0 || r->label_length > SP_LABEL_MAX)
		r->bad = 1;
	r->entry.label[r->labels % SP_LABELS_MAX] = hash;
	r->ends[r->labels % SP_LABELS_MAX] = r->at;
	r->labels++;
	sp_hash_word(&r->whole, hash);
}

/* Reads a block of a label, or the rest of the label. */
static long sp_name_step(__u32 i, void *state)
{
	struct sp_name_reader *r = *(struct sp_name_reader **)state;
	__u32 at = r->at, left = r->end - at, count;
	__u64 block, behind, within, digits, strange;

	block = *(const __u64 *)(r->raw + at % SP_NAME_MAX);
	behind = sp_equal(block, '.');
	if (left < SP_BLOCK)
		behind |= SP_HIGH << left * 8;
	within = ((behind & -behind) >> 7) - 1; /* the bytes before the first dot */
	count = (within & SP_EACH(1)) * SP_EACH(1) >> 56;
	block |= sp_between(block, 'A', 'Z') >> 2; /* to lower case */
	/* the bytes after the label are written again with the next one */
	*(__u64 *)(r->entry.text + (at - r->begin) % SP_NAME_MAX) = block;
	digits = sp_between(block, '0', '9');
	if (~digits & SP_HIGH & within)
		r->digits = 0;
	strange = ~(digits | sp_between(block, 'a', 'z') | sp_equal(block, '-')) & SP_HIGH & within;
	if (strange & ~sp_equal(block, '_')) {
		r->odd = 1;
		if (!r->any && (strange & ~sp_between(block, 0x21, 0x7e))) {
			r->bad = 1;
			return 1;
		}
	}
	r->label_length += count;
	r->at = at + count;
	if (count == SP_BLOCK) {
		sp_hash_word(&r->label, block);
		return 0;
	}
	r->label.word = block & within;
	sp_label_end(r);
	if (count == left)
		return 1;
	r->at++;
	sp_label_begin(r);
	return 0;
}

/* Reads r->raw from r->begin to `length` into r->entry. Returns the hash of the name, or 0 if it is not a host name:
 * bytes outside printable ASCII, an empty or too long label (RFC 1035), or an address, whose last label is all digits
 * (WHATWG URL "ends in a number"; RFC 6066 3 forbids addresses in SNI). The name of a question may have other bytes and
 * digits, because the pattern of a domain also covers labels that carry data. */
__noinline __u64 sp_name_read(struct sp_name_reader *r, __u32 length)
{
	__u32 begin;

	if (!r)
		return 0;
	begin = r->begin;
	r->begin = 0;
	if (length > 0 && length <= SP_NAME_MAX && r->raw[(length - 1) % SP_NAME_MAX] == '.')
		length--;
	r->bad = r->odd = 0;
	if (length <= begin || length > SP_HOST_MAX) {
		r->bad = 1;
		return 0;
	}
	sp_hash_begin(&r->whole, r->key);
	sp_label_begin(r);
	r->begin = r->at = begin;
	r->labels = 0;
	r->end = length;
	bpf_loop(SP_NAME_MAX, sp_name_step, &r, 0); /* each block reads a byte or ends a label */
	r->begin = 0;
	if (r->bad || (r->digits && !r->any))
		return 0;
	r->entry.text_len = length - begin;
	r->entry.reserved = 0;
	r->entry.labels = r->labels;
	return sp_hash_finish(r->whole, r->labels);
}

#endif
