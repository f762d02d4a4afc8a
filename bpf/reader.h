/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What a TCP client says, read in order in pieces of any size: finds out which protocol it is, and reads names. Pure functions over
 * bytes; the state between two pieces is plain data.
 *
 *   start ──► TLS ──► a second hello ──► over
 *     │        └ no hello ────────────────┐
 *     ├──► SSL 2 ─────────────────────────┤
 *     ├──► HTTP ──► the next request, ... ┤
 *     │      └ CONNECT, Upgrade ──► start ▼
 *     └─────────────────────────────► cleartext ──► TLS, wherever a hello begins
 */
#ifndef SALLYPORT_READER_H
#define SALLYPORT_READER_H

#include "http.h"
#include "hunt.h"

#define SP_WATCH_BYTES 65536 /* of cleartext, or after a first hello, in which a hello is looked for */
#define SP_PENDING_BYTES 131072 /* of a hello with its records: one of 16 kB in records of three bytes */

/* One call's work. */
struct sp_reading {
	struct sp_bytes bytes;
	struct sp_reader *reader;
	struct sp_text *text;
	struct sp_place *place; /* at to all: what is to be read; out: at, hello (enum sp_hello_result) */
};

/* Is a message half read? Then its verdict is still to come. */
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

/* What was taken for the beginning of a hello is none; but one may begin within. Too few bytes are taken back for a whole beginning. */
static __always_inline enum sp_read_result sp_reader_takes_back(struct sp_reader *r)
{
	struct sp_tls_reader *t = &r->tls;
	__u8 head[SP_RECORD_HEAD], have = t->have, last = t->hello.field[0];
	bool begun = t->begun, is_hello = t->hello.stage == SP_AT_LENGTH_HIGH;
	enum sp_read_result result;

	__builtin_memcpy(head, t->record, sizeof(head));
	result = sp_reader_becomes_cleartext(r);
	for (int i = 1; i < SP_RECORD_HEAD; i++)
		if (i < have)
			sp_hunt_byte(t, head[i]);
	if (is_hello)
		sp_hunt_byte(t, SP_CLIENT_HELLO);
	if (begun)
		sp_hunt_byte(t, last);
	return result;
}

static __always_inline enum sp_read_result sp_read_tls(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_place *place = g->place;
	struct sp_tls_walk walk = {
		.hello = {.bytes = g->bytes, .hello = &r->tls.hello, .text = g->text, .place = place}, .tls = &r->tls,
	};
	__u32 from = place->at;

	if (!r->tls.begun) { /* the text of the message before */
		g->text->name_length = 0;
		g->text->flags = 0;
	}
	if (g->bytes.window)
		sp_open_window(&g->bytes, from);
	place->result = SP_TLS_CUT;
	sp_loop(place->all - from, sp_tls_step, &walk);
	r->watched += place->at - from;
	switch (place->result) {
	case SP_TLS_CUT:
		if (r->watched <= (r->tls.begun ? SP_PENDING_BYTES : SP_WATCH_BYTES))
			return SP_READ_MORE;
		r->kind = SP_READER_OVER;
		if (!r->tls.begun)
			return SP_READ_OVER;
		place->hello = SP_HELLO_BROKEN;
		return SP_READ_HELLO;
	case SP_TLS_HELLO:
		sp_tls_again(&r->tls, g->text->flags);
		r->watched = 0;
		if (place->hello == SP_HELLO_BROKEN)
			r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	case SP_TLS_MIXED:
		place->hello = SP_HELLO_BROKEN;
		r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	case SP_TLS_NONE:
		return sp_reader_takes_back(r);
	default:
		r->kind = SP_READER_OVER;
		return SP_READ_OVER;
	}
}

static __always_inline enum sp_read_result sp_read_cleartext(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_place *place = g->place;
	struct sp_hunt_walk walk = {.bytes = g->bytes, .tls = &r->tls, .place = place};
	__u32 from = place->at;

	place->slowly = place->result = 0;
	sp_loop(place->all - from, sp_hunt_step, &walk);
	r->watched += place->at - from;
	if (place->result) {
		sp_hunt_found(&r->tls);
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

/* length with the high bit, length, 1 (CLIENT-HELLO), version 3.x or 0.2: has no place for a name. */
static __always_inline enum sp_read_result sp_read_ssl2(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	struct sp_tls_reader *t = &r->tls;
	__u8 head[SP_RECORD_HEAD];

	for (int i = 0; i < SP_RECORD_HEAD && t->have < SP_RECORD_HEAD; i++) {
		if (g->place->at >= g->place->all)
			return SP_READ_MORE;
		sp_read(&g->bytes, g->place->at, t->record + (t->have < SP_RECORD_HEAD ? t->have : 0), 1);
		g->place->at++;
		t->have++;
	}
	if (t->record[2] == SP_CLIENT_HELLO && (t->record[3] == 3 || (t->record[3] == 0 && t->record[4] == 2))) {
		g->place->hello = SP_HELLO_UNNAMED;
		g->text->name_length = 0;
		g->text->flags = 0;
		r->kind = SP_READER_OVER;
		return SP_READ_HELLO;
	}
	__builtin_memcpy(head, t->record, sizeof(head));
	sp_reader_becomes_cleartext(r);
	for (int i = 0; i < SP_RECORD_HEAD; i++)
		sp_hunt_byte(t, head[i]);
	return SP_READ_OTHER;
}

static __always_inline enum sp_read_result sp_read_http(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;

	switch (sp_http_read(&r->http, g->text, &g->bytes, &g->place->at, g->place->all)) {
	case SP_HTTP_MORE:
		return SP_READ_MORE;
	case SP_HTTP_REQUEST:
		return SP_READ_REQUEST;
	case SP_HTTP_SWITCHED: /* the byte that shows it is the next protocol's */
		g->place->at--;
		__builtin_memset(&r->tls, 0, sizeof(r->tls));
		r->kind = SP_READER_START;
		return SP_READ_AGAIN;
	case SP_HTTP_BROKEN:
		g->text->flags |= SP_REQUEST_BROKEN;
		g->place->at--;
		sp_reader_becomes_cleartext(r);
		return SP_READ_REQUEST;
	default:
		g->place->at--;
		sp_reader_becomes_cleartext(r);
		return g->text->flags & SP_REQUEST_H2C ? SP_READ_REQUEST : SP_READ_AGAIN;
	}
}

static __always_inline enum sp_read_result sp_read_start(struct sp_reading *g)
{
	struct sp_reader *r = g->reader;
	bool said = r->is_cleartext;
	__u8 first;

	if (g->place->at >= g->place->all || sp_read(&g->bytes, g->place->at, &first, 1))
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

/* All kinds but HTTP. */
static __always_inline enum sp_read_result sp_read_no_http(struct sp_reading *g)
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

/* Read on. Call it until SP_READ_MORE or SP_READ_OVER. */
static __always_inline enum sp_read_result sp_reader_read(struct sp_reading *g)
{
	return g->reader->kind == SP_READER_HTTP ? sp_read_http(g) : sp_read_no_http(g);
}

#endif
