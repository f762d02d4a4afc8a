/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Cleartext that is not HTTP: a search for ClientHellos, and for the end of a proxy's prefix. Included by reader.h. */
#ifndef SALLYPORT_PARSE_CLEARTEXT_H
#define SALLYPORT_PARSE_CLEARTEXT_H

#include "prefix.h"
#include "tls_scan.h"

/* of cleartext, or after a first ClientHello, that are searched for a ClientHello if no name can be denied */
#define SP_WATCH_BYTES 65536

/* State of one call. */
struct sp_reading {
	struct sp_bytes bytes;
	struct sp_reader *reader;
	struct sp_text *text;
	struct sp_cursor *cursor; /* in: the range from at to limit; out: at, hello (enum sp_hello_result) */
};

static __always_inline enum sp_read_result sp_reader_becomes_cleartext(struct sp_reader *r)
{
	bool said = r->is_cleartext;

	r->kind = SP_READER_CLEARTEXT;
	r->is_cleartext = 1;
	__builtin_memset(&r->tls, 0, sizeof(r->tls));
	__builtin_memset(&r->prefix, 0, sizeof(r->prefix));
	return said ? SP_READ_AGAIN : SP_READ_OTHER;
}

struct sp_prefix_walk {
	struct sp_bytes bytes;
	struct sp_reader *reader;
	struct sp_cursor *cursor;
};

static long sp_prefix_step(__u32 i, void *state)
{
	struct sp_prefix_walk *w = state;
	__u8 byte;

	(void)i;
	if (w->cursor->at >= w->cursor->limit || sp_read(&w->bytes, w->cursor->at, &byte, 1))
		return 1;
	w->cursor->at++;
	return sp_prefix_byte(&w->reader->prefix, byte) != 0;
}

/* Reads up to the end of a prefix. What follows it is read like the start of a stream. */
static __always_inline enum sp_read_result sp_read_prefix(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_cursor *cursor = g->cursor;
	struct sp_prefix_walk walk = {.bytes = g->bytes, .reader = r, .cursor = cursor};
	__u32 from = cursor->at;

	bpf_loop(cursor->limit - from, sp_prefix_step, &walk, 0);
	r->watched += cursor->at - from;
	if (r->prefix.stage == SP_PREFIX_NONE)
		return SP_READ_AGAIN;
	if (r->prefix.stage != SP_PREFIX_END || r->prefix.skip)
		return SP_READ_MORE;
	__builtin_memset(&r->prefix, 0, sizeof(r->prefix));
	r->kind = SP_READER_START;
	return SP_READ_AGAIN;
}

static __always_inline enum sp_read_result sp_read_cleartext(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_cursor *cursor = g->cursor;
	enum sp_scan_result result;

	if (r->prefix.stage)
		return sp_read_prefix(g);
	cursor->scan_at = cursor->at;
	cursor->scan_end = cursor->limit;
	cursor->beside = 0;
	result = sp_tls_scan(&g->bytes, &r->scan, cursor);
	r->watched += cursor->scan_at - cursor->at;
	cursor->at = cursor->scan_at;
	if (result != SP_SCAN_MORE) {
		g->text->name_length = 0;
		g->text->flags = 0;
		r->watched = 0;
		if (result == SP_SCAN_FOUND) {
			sp_tls_scan_found(&r->tls, &r->scan);
			r->kind = SP_READER_TLS;
		} else {
			cursor->hello = SP_HELLO_UNREAD;
		}
		sp_tls_scan_drop(&r->scan);
		return result == SP_SCAN_FOUND ? SP_READ_AGAIN : SP_READ_HELLO;
	}
	if (r->is_watched || r->watched <= SP_WATCH_BYTES)
		return SP_READ_MORE;
	r->kind = SP_READER_OVER;
	return SP_READ_OVER;
}

/* Searches the bytes from cursor.scan_at on that another reader has read. */
static __always_inline void sp_search_read(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;

	g->cursor->scan_end = g->cursor->at;
	g->cursor->beside = 1;
	if (sp_tls_scan(&g->bytes, &r->scan, g->cursor) != SP_SCAN_MORE)
		r->hides_hello = 1;
}

#endif
