/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* TLS records before encryption (RFC 8446 5.1): a ClientHello split in any way, and a second one while the server may
 * request it (HelloRetryRequest, RFC 8446 4.1.4). Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_TLS_H
#define SALLYPORT_PARSE_TLS_H

#include "hello.h"

#define SP_RECORD_CHANGE_CIPHER 20
#define SP_RECORD_HANDSHAKE 22
#define SP_RECORD_DATA 23

enum sp_tls_result {
	SP_TLS_CUT,
	SP_TLS_HELLO, /* ended: cursor.hello has the result; another may follow */
	SP_TLS_OVER, /* the rest is encrypted or an alert */
	SP_TLS_NONE, /* not TLS, or not a ClientHello */
	SP_TLS_MIXED, /* another record within a ClientHello, which RFC 8446 5.1 forbids */
};

struct sp_tls_walk {
	struct sp_hello_walk hello; /* cursor.end: of the record; limit: of the packet; result: enum sp_tls_result */
	struct sp_tls_reader *tls;
};

static __always_inline enum sp_tls_result sp_tls_record(struct sp_tls_reader *t)
{
	t->left = sp_be16(t->record + 3);
	if (t->begun)
		return t->record[0] == SP_RECORD_HANDSHAKE ? SP_TLS_CUT : SP_TLS_MIXED;
	if (t->record[0] == SP_RECORD_HANDSHAKE)
		return SP_TLS_CUT;
	if (t->hellos == 0)
		return SP_TLS_NONE;
	if (t->record[0] == SP_RECORD_CHANGE_CIPHER || (t->record[0] == SP_RECORD_DATA && t->early_data))
		return SP_TLS_CUT;
	return SP_TLS_OVER;
}

static __always_inline enum sp_tls_result sp_tls_head(struct sp_tls_walk *w)
{
	struct sp_tls_reader *t = w->tls;

	if (t->have == 0 && !t->begun)
		w->hello.cursor->own = w->hello.cursor->at;
	if (t->have == 0 && w->hello.cursor->limit - w->hello.cursor->at >= SP_RECORD_HEAD) {
		if (sp_peek(&w->hello.bytes, w->hello.cursor->at, t->record, SP_RECORD_HEAD))
			sp_read(&w->hello.bytes, w->hello.cursor->at, t->record, SP_RECORD_HEAD);
		w->hello.cursor->at += SP_RECORD_HEAD;
		t->have = SP_RECORD_HEAD;
	} else {
		sp_read(&w->hello.bytes, w->hello.cursor->at, t->record + (t->have < SP_RECORD_HEAD ? t->have : 0), 1);
		w->hello.cursor->at++;
		t->have++;
	}
	/* each byte is checked immediately, so other protocols do not wait for a full header */
	if (t->hellos == 0 && !t->begun && (t->record[0] != SP_RECORD_HANDSHAKE || (t->have > 1 && t->record[1] != 3)))
		return SP_TLS_NONE;
	return t->have == SP_RECORD_HEAD ? sp_tls_record(t) : SP_TLS_CUT;
}

static __always_inline enum sp_tls_result sp_tls_content(struct sp_tls_walk *w)
{
	struct sp_tls_reader *t = w->tls;
	__u32 from = w->hello.cursor->at, count = w->hello.cursor->limit - from;
	enum sp_hello_result result;

	if (count > t->left)
		count = t->left;
	if (t->record[0] != SP_RECORD_HANDSHAKE) {
		w->hello.cursor->at += count;
		t->left -= count;
		return SP_TLS_CUT;
	}
	w->hello.cursor->end = from + count;
	t->begun = 1;
	result = sp_hello_step(&w->hello);
	t->left -= w->hello.cursor->at - from;
	if (result == SP_HELLO_CUT)
		return SP_TLS_CUT;
	if (result == SP_HELLO_NONE) /* another handshake message: the second flight of TLS 1.2, or not TLS */
		return t->hellos ? SP_TLS_OVER : SP_TLS_NONE;
	w->hello.cursor->hello = result;
	return SP_TLS_HELLO;
}

static long sp_tls_step(__u32 i, void *state)
{
	struct sp_tls_walk *w = state;

	(void)i;
	if (w->hello.cursor->at >= w->hello.cursor->limit)
		return 1;
	if (w->tls->left == 0 && w->tls->have == SP_RECORD_HEAD)
		w->tls->have = 0;
	w->hello.cursor->result = w->tls->have < SP_RECORD_HEAD ? sp_tls_head(w) : sp_tls_content(w);
	return w->hello.cursor->result != SP_TLS_CUT;
}

/* Prepares for a second ClientHello. */
static __always_inline void sp_tls_again(struct sp_tls_reader *t, __u32 flags)
{
	__builtin_memset(&t->hello, 0, sizeof(t->hello));
	t->begun = 0;
	if (t->hellos < 255)
		t->hellos++;
	if (flags & SP_HELLO_EARLY_DATA)
		t->early_data = 1;
}

#endif
