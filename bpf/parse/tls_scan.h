/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Searches cleartext for a TLS record with a ClientHello at any offset: after STARTTLS, a proxy's CONNECT, SOCKS, or
 * bytes that are meant to hide it. Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_TLS_SCAN_H
#define SALLYPORT_PARSE_TLS_SCAN_H

#include "tls.h"

#define SP_TLS_SCAN_CHUNK 64

struct sp_tls_scan_walk {
	struct sp_bytes bytes;
	struct sp_tls_reader *tls; /* record: the bytes that matched so far; have: their number */
	struct sp_cursor *cursor; /* uses at, limit; scan_until: a 22 is before it; result: a ClientHello begins */
};

static __always_inline __u64 sp_has_byte(__u64 word, __u8 byte)
{
	__u64 zero_where_equal = word ^ byte * 0x0101010101010101ULL;

	return (zero_where_equal - 0x0101010101010101ULL) & ~zero_where_equal & 0x8080808080808080ULL;
}

/* Matches one more byte of: 22, 3, minor, length, length, 1. */
static __always_inline bool sp_tls_scan_byte(struct sp_tls_reader *t, __u8 byte)
{
	__u8 have = t->have;
	bool fits;

	if (have == SP_RECORD_HEAD)
		fits = byte == SP_CLIENT_HELLO && sp_be16(t->record + 3) > 0;
	else if (have == 0)
		fits = byte == SP_RECORD_HANDSHAKE;
	else if (have == 1)
		fits = byte == 3;
	else if (have == 2)
		fits = byte <= 4;
	else
		fits = have == 4 || byte <= 0x48; /* RFC 5246 6.2.3: at most 2^14 + 2048 bytes in a record */
	if (fits && have == SP_RECORD_HEAD)
		return true;
	if (!fits) { /* a record may begin within the supposed length */
		if (have == SP_RECORD_HEAD && t->record[3] == SP_RECORD_HANDSHAKE && t->record[4] == 3 && byte <= 4) {
			t->record[2] = byte;
			t->have = 3;
		} else if (have == SP_RECORD_HEAD && t->record[4] == SP_RECORD_HANDSHAKE && byte == 3) {
			t->have = 2;
		} else {
			t->have = byte == SP_RECORD_HANDSHAKE;
		}
		return false;
	}
	t->record[have < SP_RECORD_HEAD ? have : 0] = byte;
	t->have = have + 1;
	return false;
}

/* Skips a whole window that contains no 22. */
static __always_inline bool sp_tls_scan_skip(struct sp_tls_scan_walk *w)
{
	const __u64 *words;
	__u64 found = 0;

	if (!w->bytes.window || w->cursor->limit - w->cursor->at < SP_WINDOW || w->cursor->at < w->cursor->scan_until ||
	    sp_open_window(&w->bytes, w->cursor->at))
		return false;
	words = (const __u64 *)w->bytes.window->bytes;
	for (int word = 0; word < SP_WINDOW / 8; word++)
		found |= sp_has_byte(words[word], SP_RECORD_HANDSHAKE);
	if (found) {
		w->cursor->scan_until = w->cursor->at + SP_WINDOW;
		return false;
	}
	w->cursor->at += SP_WINDOW;
	return true;
}

static long sp_tls_scan_step(__u32 i, void *state)
{
	struct sp_tls_scan_walk *w = state;
	__u64 chunk[SP_TLS_SCAN_CHUNK / 8];
	__u8 byte;

	(void)i;
	if (w->cursor->at >= w->cursor->limit)
		return 1;
	if (w->tls->have == 0 && sp_tls_scan_skip(w))
		return 0;
	if (w->tls->have == 0 && w->cursor->limit - w->cursor->at >= SP_TLS_SCAN_CHUNK) {
		__u64 found = 0;

		if (sp_read(&w->bytes, w->cursor->at, chunk, SP_TLS_SCAN_CHUNK))
			return 1;
		for (int word = 0; word < SP_TLS_SCAN_CHUNK / 8; word++)
			found |= sp_has_byte(chunk[word], SP_RECORD_HANDSHAKE);
		if (!found) {
			w->cursor->at += SP_TLS_SCAN_CHUNK;
			return 0;
		}
	}
	if (w->tls->have == 0 && w->cursor->limit - w->cursor->at >= sizeof(chunk[0])) {
		if (sp_read(&w->bytes, w->cursor->at, chunk, sizeof(chunk[0])))
			return 1;
		if (!sp_has_byte(chunk[0], SP_RECORD_HANDSHAKE)) {
			w->cursor->at += sizeof(chunk[0]);
			return 0;
		}
	}
	if (sp_read(&w->bytes, w->cursor->at, &byte, 1))
		return 1;
	w->cursor->at++;
	w->cursor->result = sp_tls_scan_byte(w->tls, byte);
	return w->cursor->result;
}

/* Begins a ClientHello: the header of its record and its first byte were read. */
static __always_inline void sp_tls_scan_found(struct sp_tls_reader *t)
{
	__builtin_memset(&t->hello, 0, sizeof(t->hello));
	t->hello.stage = SP_AT_LENGTH_HIGH;
	t->hello.want = 1;
	t->have = SP_RECORD_HEAD;
	t->left = sp_be16(t->record + 3) - 1;
	t->begun = 1;
}

#endif
