/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Common parts of the HTTP/1 parser (RFC 9112), which reads byte by byte. Input that two servers could read differently
 * is malformed. Included by http_line.h. */
#ifndef SALLYPORT_PARSE_HTTP_HEAD_H
#define SALLYPORT_PARSE_HTTP_HEAD_H

#include "bytes.h"
#include "../wire/reader_state.h"

#define SP_HTTP_HEAD_MAX 16384 /* of a head, of trailers, or of the line before a chunk [bytes] */

static __always_inline enum sp_http_result sp_http_break(struct sp_http_reader *r, __u8 reason)
{
	r->state = SP_HTTP_STOPPED;
	r->reason = reason;
	return SP_HTTP_BROKEN;
}

/* The bytes are not a request. After a request this could hide the next one, so it is malformed unless the
 * protocol may have changed. */
static __always_inline enum sp_http_result sp_http_not_http(struct sp_http_reader *r)
{
	r->reason = SP_HTTP_FINE;
	if (!r->kept) {
		r->state = SP_HTTP_STOPPED;
		return SP_HTTP_OTHER;
	}
	if (!(r->flags & SP_HTTP_MAY_SWITCH))
		return sp_http_break(r, SP_HTTP_BAD_LINE);
	r->state = SP_HTTP_STOPPED;
	return SP_HTTP_SWITCHED;
}

static __always_inline bool sp_is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

static __always_inline __u8 sp_lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
static __always_inline bool sp_is_token(__u8 c)
{
	return c < 64 ? 0x03ff6cfa00000000ULL >> c & 1 : c < 128 && (0x57ffffffc7fffffeULL >> (c & 63) & 1);
}

static __always_inline void sp_http_put_name(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (r->flags & SP_HTTP_COMPARE) {
		if (r->at >= text->name_length || r->at >= SP_NAME_MAX ||
		    sp_lower(text->name[r->at % SP_NAME_MAX]) != sp_lower(c))
			text->flags |= SP_REQUEST_TWO_NAMES;
		r->at++;
		return;
	}
	if (text->name_length < SP_NAME_MAX)
		text->name[text->name_length % SP_NAME_MAX] = c;
	text->name_length++;
}

static __always_inline void sp_http_put_path(struct sp_text *text, __u8 c)
{
	if (text->path_length < SP_PATH_MAX)
		text->path[text->path_length % SP_PATH_MAX] = c;
	text->path_length++;
}

#define SP_HTTP_WORDS 16
#define SP_HTTP_WORD_MAX 32 /* with the terminator; both are powers of two */

/* Words to compare with, by enum sp_http_field and then by enum sp_http_word. One table: see "constant tables" in
 * wire/verifier.h. */
static const char sp_http_words[SP_HTTP_WORDS][SP_HTTP_WORD_MAX] = {
	"CONNECT", "host",    "content-length", "transfer-encoding", "upgrade",
	"chunked", "HTTP/1.", "HTTP/1.0 000",   "RTSP/1.",           "ICE/1.",
	"GET",     "PROXY",
};
enum sp_http_word {
	SP_WORD_CONNECT = 0,
	SP_WORD_CHUNKED = 5,
	SP_WORD_VERSION = 6,
	SP_WORD_ANSWER = 7,
	SP_WORD_RTSP = 8, /* RFC 2326: its requests have the form of HTTP, and servers of HTTP take them for it */
	SP_WORD_ICE = 9, /* Icecast, likewise */
	SP_WORD_GET = 10,
	SP_WORD_PROXY = 11,
};

static __always_inline __u8 sp_http_word(__u8 word, __u16 at)
{
	return sp_http_words[word % SP_HTTP_WORDS][at % SP_HTTP_WORD_MAX];
}

static __always_inline bool sp_http_method_is(const struct sp_text *text, __u8 word, __u16 length)
{
	bool same = text->method_length == length;

	for (int i = 0; i < length; i++)
		same &= text->method[i] == sp_http_word(word, i);
	return same;
}

/* Characters other than LF that a lenient server may skip before a request, or accept as the space between the parts
 * of its line (RFC 9112 2.2, 3): Python's http.server splits at each of them. */
static __always_inline bool sp_http_is_odd_space(__u8 c)
{
	return (c >= '\t' && c <= '\r' && c != '\n') || (c >= 0x1c && c < ' ') || c == 0x85 || c == 0xa0;
}

#endif
