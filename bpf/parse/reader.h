/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The bytes that a TCP client sends, read in order in pieces of any size. Finds the protocol and reads names. Pure
 * functions over bytes; the state between two pieces is plain data.
 *
 *   start ──► TLS ──► a second ClientHello ──► over
 *     │        └ not a ClientHello ────────────┐
 *     ├──► SSL 2 ──────────────────────────────┤
 *     ├──► HTTP ──► the next request, ...      │
 *     │      └ CONNECT, Upgrade ──► start      ▼
 *     └──────────────────────────────────► cleartext ──► TLS, wherever a ClientHello begins */
#ifndef SALLYPORT_PARSE_READER_H
#define SALLYPORT_PARSE_READER_H

#include "http.h"
#include "tls_scan.h"

#define SP_WATCH_BYTES 65536 /* of cleartext, or after a first ClientHello, that are searched for a ClientHello */
#define SP_PENDING_BYTES 131072 /* of a ClientHello with its records: 16 kB in records of three bytes */

/* State of one call. */
struct sp_reading {
	struct sp_bytes bytes;
	struct sp_reader *reader;
	struct sp_text *text;
	struct sp_cursor *cursor; /* in: the range from at to limit; out: at, hello (enum sp_hello_result) */
};

/* True if a message is incomplete, so its verdict is still to come. */
static __always_inline bool sp_reader_is_pending(const struct sp_reader *r)
{
	if (r->kind == SP_READER_TLS)
		return r->tls.begun || (r->tls.hellos == 0 && r->tls.have > 0);
	if (r->kind == SP_READER_HTTP)
		return sp_http_is_pending(&r->http);
	return r->kind == SP_READER_SSL2 || (r->kind == SP_READER_CLEARTEXT && r->tls.have > 1);
}

static __always_inline enum sp_read_result sp_reader_becomes_cleartext(struct sp_reader *r)
{
	bool said = r->is_cleartext;

	r->kind = SP_READER_CLEARTEXT;
	r->is_cleartext = 1;
	__builtin_memset(&r->tls, 0, sizeof(r->tls));
	return said ? SP_READ_AGAIN : SP_READ_OTHER;
}

/* The supposed beginning of a ClientHello is not one, but another may begin within it. Its bytes are scanned again;
 * they are too few for a complete beginning. */
static __always_inline enum sp_read_result sp_reader_rescan(struct sp_reader *r)
{
	struct sp_tls_reader *t = &r->tls;
	__u8 head[SP_RECORD_HEAD], have = t->have, last = t->hello.field[0];
	bool begun = t->begun, is_hello = t->hello.stage == SP_AT_LENGTH_HIGH;
	enum sp_read_result result;

	__builtin_memcpy(head, t->record, sizeof(head));
	result = sp_reader_becomes_cleartext(r);
	for (int i = 1; i < SP_RECORD_HEAD; i++)
		if (i < have)
			sp_tls_scan_byte(t, head[i]);
	if (is_hello)
		sp_tls_scan_byte(t, SP_CLIENT_HELLO);
	if (begun)
		sp_tls_scan_byte(t, last);
	return result;
}

static __always_inline enum sp_read_result sp_read_tls(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_cursor *cursor = g->cursor;
	struct sp_tls_walk walk = {
		.hello = {.bytes = g->bytes, .hello = &r->tls.hello, .text = g->text, .cursor = cursor},
		.tls = &r->tls,
	};
	__u32 from = cursor->at;

	if (!r->tls.begun) { /* the text of the previous message */
		g->text->name_length = 0;
		g->text->flags = 0;
	}
	if (g->bytes.window)
		sp_open_window(&g->bytes, from);
	cursor->result = SP_TLS_CUT;
	bpf_loop(cursor->limit - from, sp_tls_step, &walk, 0);
	r->watched += cursor->at - from;
	switch (cursor->result) {
	case SP_TLS_CUT:
		if (r->watched <= (r->tls.begun ? SP_PENDING_BYTES : SP_WATCH_BYTES))
			return SP_READ_MORE;
		r->kind = SP_READER_OVER;
		if (!r->tls.begun)
			return SP_READ_OVER;
		cursor->hello = SP_HELLO_BROKEN;
		return SP_READ_HELLO;
	case SP_TLS_HELLO:
		sp_tls_again(&r->tls, g->text->flags);
		r->watched = 0;
		if (cursor->hello == SP_HELLO_BROKEN)
			r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	case SP_TLS_MIXED:
		cursor->hello = SP_HELLO_BROKEN;
		r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	case SP_TLS_NONE:
		return sp_reader_rescan(r);
	default:
		r->kind = SP_READER_OVER;
		return SP_READ_OVER;
	}
}

static __always_inline enum sp_read_result sp_read_cleartext(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_cursor *cursor = g->cursor;
	struct sp_tls_scan_walk walk = {.bytes = g->bytes, .tls = &r->tls, .cursor = cursor};
	__u32 from = cursor->at;

	cursor->scan_until = cursor->result = 0;
	bpf_loop(cursor->limit - from, sp_tls_scan_step, &walk, 0);
	r->watched += cursor->at - from;
	if (cursor->result) {
		sp_tls_scan_found(&r->tls);
		g->text->name_length = 0;
		g->text->flags = 0;
		r->kind = SP_READER_TLS;
		r->watched = 0;
		return SP_READ_AGAIN;
	}
	if (r->watched <= SP_WATCH_BYTES)
		return SP_READ_MORE;
	r->kind = SP_READER_OVER;
	return SP_READ_OVER;
}

/* The ClientHello of SSL 2: length with the high bit set, length, 1 (CLIENT-HELLO), version 3.x or 0.2. It cannot carry
 * a name. */
static __always_inline enum sp_read_result sp_read_ssl2(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_tls_reader *t = &r->tls;
	__u8 head[SP_RECORD_HEAD];

	for (int i = 0; i < SP_RECORD_HEAD && t->have < SP_RECORD_HEAD; i++) {
		if (g->cursor->at >= g->cursor->limit)
			return SP_READ_MORE;
		sp_read(&g->bytes, g->cursor->at, t->record + (t->have < SP_RECORD_HEAD ? t->have : 0), 1);
		g->cursor->at++;
		t->have++;
	}
	if (t->record[2] == SP_CLIENT_HELLO && (t->record[3] == 3 || (t->record[3] == 0 && t->record[4] == 2))) {
		g->cursor->hello = SP_HELLO_UNNAMED;
		g->text->name_length = 0;
		g->text->flags = 0;
		r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	}
	__builtin_memcpy(head, t->record, sizeof(head));
	sp_reader_becomes_cleartext(r);
	for (int i = 0; i < SP_RECORD_HEAD; i++)
		sp_tls_scan_byte(t, head[i]);
	return SP_READ_OTHER;
}

static __always_inline enum sp_read_result sp_read_http(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;

	switch (sp_http_read(&r->http, g->text, &g->bytes, &g->cursor->at, g->cursor->limit)) {
	case SP_HTTP_MORE:
		return SP_READ_MORE;
	case SP_HTTP_REQUEST:
		return SP_READ_REQUEST;
	case SP_HTTP_SWITCHED: /* the byte that shows it belongs to the next protocol */
		g->cursor->at--;
		__builtin_memset(&r->tls, 0, sizeof(r->tls));
		r->kind = SP_READER_START;
		return SP_READ_AGAIN;
	case SP_HTTP_BROKEN:
		g->text->flags |= SP_REQUEST_BROKEN;
		g->cursor->at--;
		sp_reader_becomes_cleartext(r);
		return SP_READ_REQUEST;
	default:
		g->cursor->at--;
		sp_reader_becomes_cleartext(r);
		return g->text->flags & SP_REQUEST_H2C ? SP_READ_REQUEST : SP_READ_AGAIN;
	}
}

static __always_inline enum sp_read_result sp_read_start(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	bool said = r->is_cleartext;
	__u8 first;

	if (g->cursor->at >= g->cursor->limit || sp_read(&g->bytes, g->cursor->at, &first, 1))
		return SP_READ_MORE;
	if (first == SP_RECORD_HANDSHAKE)
		r->kind = SP_READER_TLS;
	else if (first & 0x80)
		r->kind = SP_READER_SSL2;
	else if (!sp_is_token(first) && first != '\r' && first != '\n')
		return sp_reader_becomes_cleartext(r);
	else {
		r->kind = SP_READER_HTTP;
		r->is_cleartext = 1;
		g->text->flags = 0;
		return said ? SP_READ_AGAIN : SP_READ_OTHER;
	}
	return SP_READ_AGAIN;
}

/* Reads all kinds except HTTP. */
static __always_inline enum sp_read_result sp_read_not_http(struct sp_reading *g)
{
	switch (g->reader->kind) {
	case SP_READER_START:
		return sp_read_start(g);
	case SP_READER_TLS:
		return sp_read_tls(g);
	case SP_READER_SSL2:
		return sp_read_ssl2(g);
	case SP_READER_CLEARTEXT:
		return sp_read_cleartext(g);
	default:
		return SP_READ_OVER;
	}
}

/* Reads the next bytes. Call it until SP_READ_MORE or SP_READ_OVER. */
static __always_inline enum sp_read_result sp_reader_read(struct sp_reading *g)
{
	return g->reader->kind == SP_READER_HTTP ? sp_read_http(g) : sp_read_not_http(g);
}

#endif
