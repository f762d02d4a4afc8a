/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The bytes that a TCP client sends, read in order in pieces of any size. Finds the protocol and reads names. Pure
 * functions over bytes; the state between two pieces is plain data.
 *
 *   start ──► TLS ──► a second ClientHello ──► over
 *     │        └ not a ClientHello ────────────┐
 *     ├──► SSL 2 ──────────────────────────────┤
 *     ├──► HTTP ──► the next request, ...      │
 *     │      └ CONNECT, Upgrade ──► start      ▼
 *     └──────────────────────────────────► cleartext ──► TLS, wherever a ClientHello begins
 *                                              └ SOCKS, PROXY protocol ──► start
 *
 * Only the server knows which of these is right. Until its answer shows the protocol, all bytes are also searched for a
 * ClientHello that begins within something else. After a ClientHello the search goes on unless the answer is TLS. */
#ifndef SALLYPORT_PARSE_READER_H
#define SALLYPORT_PARSE_READER_H

#include "cleartext.h"
#include "http.h"

#define SP_PENDING_BYTES 131072 /* of a ClientHello with its records: 16 kB in records of three bytes */

/* True if a message is incomplete, so its verdict is still to come. */
static __always_inline bool sp_reader_is_pending(const struct sp_reader *r)
{
	if (r->kind == SP_READER_TLS)
		return r->tls.begun || (r->tls.hellos == 0 && r->tls.have > 0);
	if (r->kind == SP_READER_HTTP)
		return sp_http_is_pending(&r->http);
	return r->kind == SP_READER_SSL2;
}

static __always_inline bool sp_reader_has_begun_hello(const struct sp_reader *r)
{
	return r->kind == SP_READER_TLS && r->tls.begun;
}

/* True if the bytes of the current kind are also searched. Cleartext without a prefix is in any case. */
static __always_inline bool sp_reader_is_searched(const struct sp_reader *r)
{
	if (r->kind == SP_READER_HTTP)
		return r->is_watched && (r->peer != SP_PEER_HTTP || r->is_tunnel);
	if (r->kind == SP_READER_CLEARTEXT)
		return r->prefix.stage;
	return r->kind != SP_READER_OVER && r->peer != SP_PEER_TLS;
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
		if (r->tls.begun ? r->watched <= SP_PENDING_BYTES : r->is_watched || r->watched <= SP_WATCH_BYTES)
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
		return sp_reader_becomes_cleartext(r);
	default:
		if (r->is_watched && r->peer != SP_PEER_TLS) {
			r->kind = SP_READER_CLEARTEXT;
			__builtin_memset(&r->tls, 0, sizeof(r->tls));
			return SP_READ_AGAIN;
		}
		r->kind = SP_READER_OVER;
		return SP_READ_OVER;
	}
}

/* True for bytes with which a line of HTTP may go on after a blank outside ASCII. */
static __always_inline bool sp_is_line(const __u8 *bytes, int count)
{
	bool is_line = true;

	for (int i = 0; i < count; i++)
		is_line &= (bytes[i] >= ' ' && bytes[i] < 0x7f) || bytes[i] == '\n' || sp_http_is_odd_space(bytes[i]);
	return is_line;
}

/* The ClientHello of SSL 2: length with the high bit set, length, 1 (CLIENT-HELLO), version 3.x or 0.2. It cannot carry
 * a name. A server of another protocol takes it for a broken line, so a name may still follow. */
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
		r->kind = r->is_watched ? SP_READER_CLEARTEXT : SP_READER_OVER;
		__builtin_memset(t, 0, sizeof(*t));
		return SP_READ_HELLO;
	}
	__builtin_memcpy(head, t->record, sizeof(head));
	sp_reader_becomes_cleartext(r);
	if (sp_http_is_odd_space(head[0]) && sp_is_line(head, SP_RECORD_HEAD)) {
		g->text->flags = SP_REQUEST_BROKEN;
		return SP_READ_REQUEST;
	}
	return SP_READ_OTHER;
}

static __always_inline enum sp_read_result sp_read_http(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	__u8 first;

	switch (sp_http_read(&r->http, g->text, &g->bytes, &g->cursor->at, g->cursor->limit)) {
	case SP_HTTP_MORE:
		return SP_READ_MORE;
	case SP_HTTP_REQUEST:
		return SP_READ_REQUEST;
	case SP_HTTP_SWITCHED: /* the byte that shows it belongs to the next protocol */
		g->cursor->at--;
		__builtin_memset(&r->tls, 0, sizeof(r->tls));
		r->kind = SP_READER_START;
		r->is_tunnel = 1;
		return SP_READ_AGAIN;
	case SP_HTTP_BROKEN:
		g->text->flags |= SP_REQUEST_BROKEN;
		g->cursor->at--;
		sp_reader_becomes_cleartext(r);
		return SP_READ_REQUEST;
	default:
		g->cursor->at--;
		sp_reader_becomes_cleartext(r);
		/* CR LF CR LF NUL begin the header of the PROXY protocol */
		if (!sp_read(&g->bytes, g->cursor->at, &first, 1) && !first)
			r->prefix.stage = SP_PREFIX_FIRST;
		return g->text->flags & SP_REQUEST_H2C ? SP_READ_REQUEST : SP_READ_AGAIN;
	}
}

static __always_inline enum sp_read_result sp_read_start(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	bool said = r->is_cleartext;
	enum sp_read_result result;
	__u8 first;

	if (g->cursor->at >= g->cursor->limit || sp_read(&g->bytes, g->cursor->at, &first, 1))
		return SP_READ_MORE;
	if (first == SP_RECORD_HANDSHAKE) {
		r->kind = SP_READER_TLS;
	} else if (first & 0x80) {
		r->kind = SP_READER_SSL2;
	} else if (!sp_is_token(first) && first != '\n' && first != ' ' && !sp_http_is_odd_space(first)) {
		result = sp_reader_becomes_cleartext(r);
		if (sp_is_prefix(first))
			r->prefix.stage = SP_PREFIX_FIRST;
		return result;
	} else {
		r->kind = SP_READER_HTTP;
		r->is_cleartext = 1;
		__builtin_memset(&r->tls, 0, sizeof(r->tls));
		g->text->flags = 0;
		return said ? SP_READ_AGAIN : SP_READ_OTHER;
	}
	__builtin_memset(&r->tls, 0, sizeof(r->tls));
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

/* Prepares for reading the next bytes. Returns true if sp_search_read() must follow. */
static __always_inline bool sp_begin_read(struct sp_reader *r, struct sp_cursor *cursor)
{
	bool searched = sp_reader_is_searched(r);

	cursor->own = ~0U;
	cursor->scan_at = cursor->at;
	if (!searched && r->kind != SP_READER_CLEARTEXT)
		sp_tls_scan_forget(&r->scan);
	return searched;
}

/* Reads the next bytes. Call it until SP_READ_MORE or SP_READ_OVER. */
static __always_inline enum sp_read_result sp_reader_read(struct sp_reading *g)
{
	bool searched = sp_begin_read(g->reader, g->cursor);
	enum sp_read_result result;

	result = g->reader->kind == SP_READER_HTTP ? sp_read_http(g) : sp_read_not_http(g);
	if (searched)
		sp_search_read(g);
	return result;
}

#endif
