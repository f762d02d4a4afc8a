/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A host name, read once: checked, in lower case, with the hash of each label and of the whole. */
#ifndef SALLYPORT_NAME_H
#define SALLYPORT_NAME_H

#include "bytes.h"
#include "hash.h"
#include "state.h"

struct sp_name_reader {
	__u32 key[2];
	struct sp_hash whole, label;
	__u64 recent[SP_LABELS_MAX]; /* a ring: the rightmost labels are the last */
	__u32 labels, label_length;
	__u8 digits, bad;
	__u8 odd; /* has characters that no host name has: a server may take a part of it for the name */
	__u8 any; /* in: a DNS question's name, which may have any bytes (RFC 2181 11) */
	__u8 reserved[4];
	struct sp_name entry;
	char raw[SP_NAME_MAX]; /* in: dotted, as sent */
};

static __always_inline void sp_label_begin(struct sp_name_reader *r)
{
	sp_hash_begin(&r->label, r->key[0], r->key[1]);
	sp_hash_byte(&r->label, 'n');
	r->label_length = 0;
	r->digits = 1;
}

static __always_inline void sp_label_end(struct sp_name_reader *r)
{
	if (r->label_length == 0 || r->label_length > 63) /* RFC 1035 2.3.4 */
		r->bad = 1;
	r->recent[r->labels % SP_LABELS_MAX] = sp_hash_end(&r->label);
	r->labels++;
}

static long sp_name_step(__u32 i, void *state)
{
	struct sp_name_reader *r = *(struct sp_name_reader **)state;
	__u8 c = r->raw[i % SP_NAME_MAX];

	if (!r->any && (c <= 0x20 || c >= 0x7f)) {
		r->bad = 1;
		return 1;
	}
	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	r->entry.text[i % SP_NAME_MAX] = c;
	sp_hash_byte(&r->whole, c);
	if (c == '.') {
		sp_label_end(r);
		sp_label_begin(r);
		return 0;
	}
	if (c < '0' || c > '9') {
		r->digits = 0;
		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			r->odd = 1;
	}
	r->label_length++;
	sp_hash_byte(&r->label, c);
	return 0;
}

/* Read `length` bytes of r->raw into r->entry. The name's hash, or 0 if it is no host name: bytes outside printable ASCII, an
 * empty or over-long label (RFC 1035), or an address (the last label is all digits: WHATWG URL "ends in a number"; RFC 6066 3
 * allows no addresses in SNI). A question's name may have other bytes and digits: data in labels is covered by the pattern of its
 * domain all the same. */
static __always_inline __u64 sp_name_read(struct sp_name_reader *r, __u32 length)
{
	if (length > 0 && length <= SP_NAME_MAX && r->raw[(length - 1) % SP_NAME_MAX] == '.')
		length--;
	if (length == 0 || length > 253)
		return 0;
	sp_hash_begin(&r->whole, r->key[0], r->key[1]);
	sp_hash_byte(&r->whole, 'N');
	sp_label_begin(r);
	r->labels = 0;
	r->bad = r->odd = 0;
	sp_loop(length, sp_name_step, &r);
	sp_label_end(r);
	if (r->bad || (r->digits && !r->any))
		return 0;
	r->entry.text_len = length;
	r->entry.claims = r->entry.claims_until = r->entry.before_until = 0;
	r->entry.labels = r->labels;
	for (__u32 i = 0; i < SP_LABELS_MAX; i++)
		r->entry.label[i] = i < r->labels ? r->recent[(r->labels - 1 - i) % SP_LABELS_MAX] : 0;
	return sp_hash_end(&r->whole);
}

#endif
