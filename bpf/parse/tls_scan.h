/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Searches for a ClientHello at any offset, in records of any version and size: after STARTTLS, a proxy's CONNECT or
 * SOCKS, and within bytes that are meant to hide it. It is found when the bytes before its session id fit. Other data
 * do so by chance once in 2^35 bytes. Bytes that do not fit are searched again from the second one on. Pure functions
 * over bytes. */
#ifndef SALLYPORT_PARSE_TLS_SCAN_H
#define SALLYPORT_PARSE_TLS_SCAN_H

#include "tls.h"

#define SP_TLS_SCAN_WORD 9 /* bytes that are compared at once: 8 beginnings of two bytes */

/* for a byte, at most: bytes are compared again for each supposed beginning, also those that earlier pieces left */
#define SP_TLS_SCAN_STEPS 16
#define SP_RECORD_TOP_MAX 0x48 /* RFC 5246 6.2.3: at most 2^14 + 2048 bytes in a record */
#define SP_HELLO_MIN 41 /* version, random, and an empty session id, one suite, one compression method */
#define SP_SESSION_ID_MAX 32
#define SP_HELLO_SESSION_AT 38 /* offset of the session id's length in the message */

enum sp_scan_result {
	SP_SCAN_MORE,
	SP_SCAN_NONE, /* not at this beginning */
	SP_SCAN_FOUND,
	SP_SCAN_STRANGE, /* fits as far as it can be followed: tiny records, or others in between */
};

struct sp_tls_scan_walk {
	struct sp_bytes bytes;
	struct sp_tls_scan *scan;
	struct sp_cursor *cursor; /* uses scan_*, own; result: enum sp_scan_result */
};

static __always_inline bool sp_has_zero_byte(__u64 word)
{
	return ((word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL) != 0;
}

/* Compares a byte of the record's header. */
static __always_inline enum sp_scan_result sp_tls_scan_head(struct sp_tls_scan *s, __u8 byte)
{
	switch (s->head++) {
	case 0:
		if (byte == SP_RECORD_HANDSHAKE)
			return SP_SCAN_MORE;
		return s->body && byte >= SP_RECORD_CHANGE_CIPHER && byte <= SP_RECORD_DATA ? SP_SCAN_STRANGE
											    : SP_SCAN_NONE;
	case 1:
		return byte == 3 ? SP_SCAN_MORE : SP_SCAN_NONE;
	case 2: /* servers accept any minor version in the first record */
		return SP_SCAN_MORE;
	case 3:
		s->left = byte << 8;
		return byte <= SP_RECORD_TOP_MAX ? SP_SCAN_MORE : SP_SCAN_NONE;
	default:
		s->left |= byte;
		s->head = 0;
		return s->left || s->body ? SP_SCAN_MORE : SP_SCAN_NONE;
	}
}

/* Compares a byte of the message. */
static __always_inline enum sp_scan_result sp_tls_scan_body(struct sp_tls_scan *s, __u8 byte)
{
	bool fits = true;

	s->left--;
	switch (s->body++) {
	case 0:
		fits = byte == SP_CLIENT_HELLO;
		break;
	case 1:
		fits = byte <= SP_HELLO_LENGTH_TOP_MAX;
		s->length = byte << 16;
		break;
	case 2:
		s->length |= byte << 8;
		break;
	case 3:
		s->length |= byte;
		fits = s->length >= SP_HELLO_MIN;
		break;
	case 4:
		fits = byte >= 3;
		break;
	case SP_HELLO_SESSION_AT:
		if (byte > SP_SESSION_ID_MAX)
			return SP_SCAN_NONE;
		return s->length > SP_HELLO_MAX ? SP_SCAN_STRANGE : SP_SCAN_FOUND;
	}
	return fits ? SP_SCAN_MORE : SP_SCAN_NONE;
}

/* Tries the next byte as the beginning. */
static __always_inline void sp_tls_scan_drop(struct sp_tls_scan *s)
{
	if (s->own == s->start + 1)
		s->own = 0;
	s->start = (s->start + 1) % SP_SCAN_KEPT;
	s->have--;
	s->fed = s->left = 0;
	s->head = s->body = 0;
}

static __always_inline void sp_tls_scan_forget(struct sp_tls_scan *s)
{
	s->own = s->have = s->fed = s->left = 0;
	s->head = s->body = 0;
}

/* Skips words in which no 22 with a 3 after it begins. */
static __always_inline bool sp_tls_scan_skip(struct sp_tls_scan_walk *w)
{
	struct sp_window *window = w->bytes.window;
	__u32 at = w->cursor->scan_at, offset, end, word = 0;

	if (!window || w->cursor->scan_end - at < SP_TLS_SCAN_WORD)
		return false;
	if ((at < window->at || at + SP_TLS_SCAN_WORD > window->end) && sp_open_window(&w->bytes, at))
		return false;
	end = (window->end < w->cursor->scan_end ? window->end : w->cursor->scan_end) - window->at;
	offset = at - window->at;
#pragma clang loop unroll(disable)
	for (; word < SP_WINDOW / 8; word++) {
		__u32 from = sp_opaque(offset + word * 8);

		if (from > SP_WINDOW - SP_TLS_SCAN_WORD || from + SP_TLS_SCAN_WORD > end)
			break;
		if (sp_has_zero_byte((sp_load64(window->bytes + from) ^ 0x1616161616161616ULL) |
				     (sp_load64(window->bytes + from + 1) ^ 0x0303030303030303ULL)))
			break;
	}
	w->cursor->scan_at = at + word * 8;
	return word > 0;
}

static long sp_tls_scan_step(__u32 i, void *state)
{
	struct sp_tls_scan_walk *w = state;
	struct sp_tls_scan *s = w->scan;
	enum sp_scan_result result;
	__u32 at, index;
	__u8 byte;

	(void)i;
	if (s->fed < s->have) {
		byte = s->kept[(__u32)(s->start + s->fed) % SP_SCAN_KEPT];
	} else {
		at = w->cursor->scan_at;
		if (at >= w->cursor->scan_end)
			return 1;
		if (s->have == 0 && sp_tls_scan_skip(w))
			return 0;
		if (sp_peek(&w->bytes, at, &byte, 1) && sp_read(&w->bytes, at, &byte, 1))
			return 1;
		w->cursor->scan_at = at + 1;
		if (s->have == 0 && (byte != SP_RECORD_HANDSHAKE || at == w->cursor->own))
			return 0;
		index = (__u32)(s->start + s->have) % SP_SCAN_KEPT;
		if (at == w->cursor->own)
			s->own = index + 1;
		s->kept[index] = byte;
		s->have++;
	}
	if (s->fed == 0 && s->own == s->start + 1) {
		sp_tls_scan_drop(s);
		return 0;
	}
	s->fed++;
	result = s->left == 0 || s->head ? sp_tls_scan_head(s, byte) : sp_tls_scan_body(s, byte);
	if (result == SP_SCAN_MORE && s->fed == SP_SCAN_KEPT)
		result = SP_SCAN_STRANGE;
	if (result == SP_SCAN_NONE) {
		sp_tls_scan_drop(s);
		return 0;
	}
	if (result == SP_SCAN_MORE)
		return 0;
	w->cursor->result = result;
	if (!w->cursor->beside)
		return 1;
	sp_tls_scan_forget(s);
	return 0;
}

/* Searches from cursor.scan_at to scan_end. Leaves scan_at after the last byte that was read. Beside another reader
 * (cursor.beside) it goes on after a hit, so that the result does not depend on where a piece ends. */
static __always_inline enum sp_scan_result sp_tls_scan(const struct sp_bytes *bytes, struct sp_tls_scan *scan,
						       struct sp_cursor *cursor)
{
	struct sp_tls_scan_walk walk = {.bytes = *bytes, .scan = scan, .cursor = cursor};
	__u32 count = cursor->scan_end - cursor->scan_at;

	if (bytes->window) /* it may be of an earlier packet */
		bytes->window->at = bytes->window->end = 0;
	cursor->result = SP_SCAN_MORE;
	bpf_loop(SP_TLS_SCAN_STEPS * (count + SP_SCAN_KEPT), sp_tls_scan_step, &walk, 0);
	if ((cursor->result == SP_SCAN_MORE || cursor->beside) && cursor->scan_at < cursor->scan_end) {
		cursor->scan_at = cursor->scan_end;
		cursor->result = SP_SCAN_STRANGE;
		if (cursor->beside)
			sp_tls_scan_forget(scan);
	}
	return cursor->result;
}

/* Begins a ClientHello: everything up to the length of its session id was read. */
static __always_inline void sp_tls_scan_found(struct sp_tls_reader *t, const struct sp_tls_scan *s)
{
	__builtin_memset(t, 0, sizeof(*t));
	t->record[0] = SP_RECORD_HANDSHAKE;
	t->have = SP_RECORD_HEAD;
	t->left = s->left;
	t->begun = 1;
	t->hello.left = s->length - SP_HELLO_FIXED - 1;
	sp_hello_next(&t->hello, s->kept[(__u32)(s->start + s->fed - 1) % SP_SCAN_KEPT], SP_AT_CIPHERS, 2);
}

#endif
