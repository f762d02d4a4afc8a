/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The ClientHello of a DTLS datagram, before encryption (RFC 6347 4, RFC 9147 4 and 5). Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_DTLS_H
#define SALLYPORT_PARSE_DTLS_H

#include "hello.h"

#define SP_DTLS_RECORD_HEAD 13
#define SP_DTLS_MESSAGE_HEAD 12
#define SP_DTLS_MAJOR 0xfe
#define SP_DTLS_TYPE_FIRST 20 /* change_cipher_spec */
#define SP_DTLS_TYPE_LAST 26 /* ack */
#define SP_DTLS_HANDSHAKE 22
#define SP_DTLS_BEGINNING 5 /* of a record: type, version, epoch */
#define SP_DTLS_SESSION_MAX 32
#define SP_DTLS_STEPS 4096 /* records and messages of one datagram */
#define SP_DTLS_DATAGRAM_MAX 65536

struct sp_dtls_walk {
	struct sp_hello_walk hello; /* bytes.end: of the datagram */
	struct sp_dtls_reader *dtls;
};

static __always_inline __u32 sp_be24(const __u8 *at)
{
	return (__u32)at[0] << 16 | at[1] << 8 | at[2];
}

/* Content types (RFC 6347 4.1, RFC 9147 4), and the versions 1.0, 1.2 and 1.3. No server sends the last one. */
static __always_inline bool sp_dtls_is_head(const __u8 *head)
{
	return head[0] >= SP_DTLS_TYPE_FIRST && head[0] <= SP_DTLS_TYPE_LAST && head[1] == SP_DTLS_MAJOR &&
	       (head[2] == 0xff || head[2] == 0xfd || head[2] == 0xfc);
}

/* True if a datagram that begins with this header needs to be read. One record that is encrypted has no ClientHello. */
static __always_inline bool sp_dtls_is_due(const __u8 *head, __u32 length)
{
	if (head[0] < SP_DTLS_TYPE_FIRST || head[0] > SP_DTLS_TYPE_LAST || head[1] != SP_DTLS_MAJOR)
		return false;
	return !sp_dtls_is_head(head) || sp_be16(head + 3) == 0 || SP_DTLS_RECORD_HEAD + sp_be16(head + 11) != length;
}

static __always_inline long sp_dtls_record(struct sp_dtls_walk *w)
{
	struct sp_dtls_reader *d = w->dtls;
	__u8 head[SP_DTLS_RECORD_HEAD];
	__u32 length;

	if (sp_read(&w->hello.bytes, d->at, head, sizeof(head)))
		return 1;
	if (!sp_dtls_is_head(head)) {
		d->is_open = 1;
		return 1;
	}
	length = sp_be16(head + 11);
	d->is_open |= sp_be16(head + 3) == 0;
	d->at += SP_DTLS_RECORD_HEAD;
	if (length > w->hello.bytes.end - d->at)
		return 1;
	if (head[0] == SP_DTLS_HANDSHAKE && sp_be16(head + 3) == 0) {
		d->records++;
		d->record_end = d->at + length;
	} else {
		d->at += length;
	}
	return 0;
}

static __always_inline long sp_dtls_message(struct sp_dtls_walk *w)
{
	struct sp_dtls_reader *d = w->dtls;
	__u8 head[SP_DTLS_MESSAGE_HEAD];
	__u32 left = d->record_end - d->at, length, part;

	d->is_broken = 1; /* until the message is known to be whole */
	if (left < SP_DTLS_MESSAGE_HEAD || sp_read(&w->hello.bytes, d->at, head, sizeof(head)))
		return 1;
	length = sp_be24(head + 1);
	part = sp_be24(head + 9);
	if (part > left - SP_DTLS_MESSAGE_HEAD)
		return 1;
	d->at += SP_DTLS_MESSAGE_HEAD;
	if (head[0] == SP_CLIENT_HELLO) {
		if (d->hello_end || part != length || sp_be24(head + 6) != 0)
			return 1;
		d->hello_at = d->at;
		d->hello_end = d->at + length;
	}
	d->at += part;
	d->is_broken = 0;
	return 0;
}

static long sp_dtls_step(__u32 i, void *state)
{
	struct sp_dtls_walk *w = state;

	(void)i;
	return w->dtls->at < w->dtls->record_end ? sp_dtls_message(w) : sp_dtls_record(w);
}

/* Counts what may be the beginning of an unencrypted handshake record. OpenSSL drops only the header of a record that
 * it does not expect, and goes on within it. */
static long sp_dtls_scan_step(__u32 i, void *state)
{
	struct sp_dtls_walk *w = state;
	struct sp_bytes *bytes = &w->hello.bytes;
	__u32 at = w->dtls->scanned;
	__u8 head[SP_DTLS_BEGINNING];

	(void)i;
	if (sp_peek(bytes, at, head, sizeof(head)) &&
	    (sp_open_window(bytes, at) || sp_peek(bytes, at, head, sizeof(head))))
		return 1;
	w->dtls->scanned++;
	if (head[0] == SP_DTLS_HANDSHAKE && head[1] == SP_DTLS_MAJOR && head[3] == 0 && head[4] == 0)
		w->dtls->beginnings++;
	return 0;
}

static long sp_dtls_hello_step(__u32 i, void *state)
{
	struct sp_dtls_walk *w = state;
	struct sp_cursor *cursor = w->hello.cursor;

	(void)i;
	cursor->hello = sp_hello_step(&w->hello);
	return cursor->hello != SP_HELLO_CUT || cursor->at >= cursor->end;
}

/* Reads legacy_session_id and cookie. The rest is that of a ClientHello in TLS. */
static __always_inline enum sp_hello_result sp_dtls_hello(struct sp_dtls_walk *w)
{
	struct sp_hello_reader *h = w->hello.hello;
	struct sp_cursor *cursor = w->hello.cursor;
	__u32 at = w->dtls->hello_at + SP_HELLO_FIXED, end = w->dtls->hello_end;
	__u8 length;

	__builtin_memset(h, 0, sizeof(*h));
	if (end - w->dtls->hello_at > SP_HELLO_MAX || sp_read(&w->hello.bytes, at, &length, 1) ||
	    length > SP_DTLS_SESSION_MAX)
		return SP_HELLO_BROKEN;
	at += 1 + length;
	if (sp_read(&w->hello.bytes, at, &length, 1))
		return SP_HELLO_BROKEN;
	at += 1 + length;
	if (at + 2 > end)
		return SP_HELLO_BROKEN;
	h->stage = SP_AT_CIPHERS;
	h->want = 2;
	h->left = end - at;
	cursor->at = at;
	cursor->end = end;
	sp_open_window(&w->hello.bytes, at);
	bpf_loop(SP_HELLO_MAX, sp_dtls_hello_step, w, 0);
	return cursor->hello == SP_HELLO_CUT ? SP_HELLO_BROKEN : cursor->hello;
}

/* Reads the datagram bytes->[at, bytes->end), and its name into w->hello.text. SP_HELLO_NONE: there is no ClientHello.
 * SP_HELLO_BROKEN: there may be one that cannot be read, such as one in fragments, or there are several. */
static __always_inline enum sp_hello_result sp_dtls_read(struct sp_dtls_walk *w, __u32 at)
{
	struct sp_dtls_reader *d = w->dtls;

	__builtin_memset(d, 0, sizeof(*d));
	w->hello.text->name_length = 0;
	w->hello.text->flags = 0;
	d->at = d->scanned = at;
	w->hello.bytes.window->at = w->hello.bytes.window->end = 0;
	if (bpf_loop(SP_DTLS_STEPS, sp_dtls_step, w, 0) == SP_DTLS_STEPS || d->is_broken)
		return SP_HELLO_BROKEN;
	if (d->is_open)
		bpf_loop(SP_DTLS_DATAGRAM_MAX, sp_dtls_scan_step, w, 0);
	if (d->is_open && d->beginnings != d->records)
		return SP_HELLO_BROKEN;
	return d->hello_end ? sp_dtls_hello(w) : SP_HELLO_NONE;
}

#endif
