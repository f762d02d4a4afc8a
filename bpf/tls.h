/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The server name of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3). Pure functions over bytes. */
#ifndef SALLYPORT_TLS_H
#define SALLYPORT_TLS_H

#include "bytes.h"
#include "event.h"

#define SP_TLS_EXTENSIONS_MAX 256
#define SP_TLS_HANDSHAKE 22
#define SP_TLS_CLIENT_HELLO 1
#define SP_TLS_SERVER_NAME 0
#define SP_TLS_ECH 0xfe0d /* RFC 9849: encrypted_client_hello */

enum sp_tls_result {
	SP_TLS_NONE, /* no hello */
	SP_TLS_NAMED, /* name_at, name_length */
	SP_TLS_UNNAMED, /* a whole hello without server_name */
	SP_TLS_CUT, /* goes on behind the bytes at hand */
	SP_TLS_BROKEN, /* contradicts itself */
};

struct sp_tls_walk {
	struct sp_bytes bytes; /* end: of what is at hand */
	__u32 at, end; /* end: of the extensions, as the hello says */
	__u32 name_at, name_length, flags;
	enum sp_tls_result result;
};

static __always_inline enum sp_tls_result sp_tls_server_name(struct sp_tls_walk *w, __u32 at, __u32 length)
{
	__u8 raw[5]; /* list length, name type, name length */

	if (length < sizeof(raw))
		return SP_TLS_BROKEN;
	if (sp_read(&w->bytes, at, raw, sizeof(raw)))
		return SP_TLS_CUT;
	w->name_at = at + sizeof(raw);
	w->name_length = sp_be16(raw + 3);
	if (raw[2] != 0 || w->name_length > length - sizeof(raw))
		return SP_TLS_BROKEN;
	if (w->name_at + w->name_length > w->bytes.end)
		return SP_TLS_CUT;
	return SP_TLS_NAMED;
}

static long sp_tls_step(__u32 i, void *state)
{
	struct sp_tls_walk *w = state;
	__u8 raw[4];
	__u16 type, length;

	(void)i;
	if (w->at + sizeof(raw) > w->end) {
		w->result = SP_TLS_UNNAMED;
		return 1;
	}
	if (sp_read(&w->bytes, w->at, raw, sizeof(raw))) {
		w->result = SP_TLS_CUT;
		return 1;
	}
	type = sp_be16(raw);
	length = sp_be16(raw + 2);
	if (type == SP_TLS_SERVER_NAME) {
		w->result = sp_tls_server_name(w, w->at + sizeof(raw), length);
		return 1;
	}
	if (type == SP_TLS_ECH)
		w->flags |= SP_HELLO_ECH;
	w->at += sizeof(raw) + length;
	return 0;
}

/* Is there a hello at `at`, and which name does it ask for? Sees the first record only; a hello that goes on in another is cut. */
static __always_inline void sp_tls_hello(struct sp_tls_walk *w, __u32 at)
{
	__u8 head[6], raw[2];
	__u32 record_end;

	w->flags = 0;
	w->result = SP_TLS_NONE;
	/* The very first byte tells it from other protocols; from there on what is missing may still make it a hello. */
	if (sp_read(&w->bytes, at, head, 1) || head[0] != SP_TLS_HANDSHAKE)
		return;
	if (sp_read(&w->bytes, at, head, 2) == 0 && head[1] != 3)
		return;
	if (sp_read(&w->bytes, at, head, sizeof(head)) == 0 && head[5] != SP_TLS_CLIENT_HELLO)
		return;
	w->result = SP_TLS_CUT;
	if (sp_read(&w->bytes, at, head, sizeof(head)))
		return;
	record_end = at + 5 + sp_be16(head + 3);
	if (record_end < w->bytes.end)
		w->bytes.end = record_end;
	at += 5 + 4 + 2 + 32; /* record and handshake headers, legacy_version, random */
	if (sp_read(&w->bytes, at, raw, 1)) /* legacy_session_id */
		return;
	at += 1 + raw[0];
	if (sp_read(&w->bytes, at, raw, 2)) /* cipher_suites */
		return;
	at += 2 + sp_be16(raw);
	if (sp_read(&w->bytes, at, raw, 1)) /* legacy_compression_methods */
		return;
	at += 1 + raw[0];
	if (sp_read(&w->bytes, at, raw, 2)) { /* extensions: none in some hellos of TLS 1.0 */
		if (at == w->bytes.end)
			w->result = SP_TLS_UNNAMED;
		return;
	}
	w->at = at + 2;
	w->end = w->at + sp_be16(raw);
	w->result = SP_TLS_BROKEN; /* if there is no end to the extensions */
	sp_loop(SP_TLS_EXTENSIONS_MAX, sp_tls_step, w);
}

#endif
