/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The head of an HTTP/1 request (RFC 9112), byte by byte. Input that two servers could read differently is malformed.
 * Included by http.h. */
#ifndef SALLYPORT_PARSE_HTTP_HEAD_H
#define SALLYPORT_PARSE_HTTP_HEAD_H

#include "bytes.h"
#include "../wire/reader_state.h"

#define SP_HTTP_HEAD_MAX 16384 /* of a head, of trailers, or of the line before a chunk [bytes] */
#define SP_HTTP_TOKEN_MAX 32 /* of a method; longer ones belong to another protocol */

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

#define SP_HTTP_WORDS 8
#define SP_HTTP_WORD_MAX 32 /* with the terminator; both are powers of two */

/* Words to compare with, by enum sp_http_field and then by enum sp_http_word. One table: see "constant tables" in
 * wire/verifier.h. */
static const char sp_http_words[SP_HTTP_WORDS][SP_HTTP_WORD_MAX] = {
	"CONNECT", "host", "content-length", "transfer-encoding", "upgrade", "chunked", "HTTP/1.", "HTTP/1.0 000",
};
enum sp_http_word { SP_WORD_CONNECT = 0, SP_WORD_CHUNKED = 5, SP_WORD_VERSION = 6, SP_WORD_ANSWER = 7 };

static __always_inline __u8 sp_http_word(__u8 word, __u16 at)
{
	return sp_http_words[word % SP_HTTP_WORDS][at % SP_HTTP_WORD_MAX];
}

static __always_inline bool sp_is_connect(const struct sp_text *text)
{
	bool same = text->method_length == 7;

	for (int i = 0; i < 7; i++)
		same &= text->method[i] == sp_http_word(SP_WORD_CONNECT, i);
	return same;
}

static __always_inline enum sp_http_result sp_http_start(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == '\n')
		return SP_HTTP_MORE;
	if (!sp_is_token(c))
		return sp_http_not_http(r);
	text->name_length = text->path_length = 0;
	text->query_type = text->query_id = text->status = 0;
	text->flags = 0;
	text->method[0] = c;
	text->method_length = 1;
	r->left = 0;
	r->state = SP_HTTP_METHOD;
	return SP_HTTP_MORE;
}

/* RFC 9112 3: lenient servers accept these as the space between the parts of a request line. */
static __always_inline bool sp_http_is_odd_space(__u8 c)
{
	return c == '\t' || c == 0x0b || c == 0x0c;
}

static __always_inline enum sp_http_result sp_http_method(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == ' ' || sp_http_is_odd_space(c)) {
		if (c != ' ')
			r->reason = SP_HTTP_BAD_LINE;
		r->state = SP_HTTP_TARGET;
		return SP_HTTP_MORE;
	}
	if (!sp_is_token(c) || text->method_length >= SP_HTTP_TOKEN_MAX)
		return sp_http_not_http(r);
	if (text->method_length < SP_METHOD_MAX)
		text->method[text->method_length % SP_METHOD_MAX] = c;
	text->method_length++;
	return SP_HTTP_MORE;
}

/* The rest of the request line is not HTTP/1. A line with a path was probably meant as HTTP, and a lenient server
 * may accept it. */
static __always_inline enum sp_http_result sp_http_bad_line(struct sp_http_reader *r, const struct sp_text *text)
{
	if (text->flags & (SP_REQUEST_CONNECT | SP_REQUEST_ABSOLUTE) || (text->path_length && text->path[0] == '/'))
		return sp_http_break(r, SP_HTTP_BAD_LINE);
	return sp_http_not_http(r);
}

static __always_inline void sp_http_target_named(struct sp_http_reader *r, struct sp_text *text, __u32 form)
{
	text->flags |= form;
	text->path_length = 0;
	r->flags |= SP_HTTP_IN_TARGET | SP_HTTP_NAMED;
	r->state = SP_HTTP_NAME;
}

static __always_inline enum sp_http_result sp_http_path(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == '\n')
		return sp_http_bad_line(r, text);
	if (c == ' ' || sp_http_is_odd_space(c)) {
		if (c != ' ')
			r->reason = SP_HTTP_BAD_LINE;
		r->at = 0;
		r->state = SP_HTTP_VERSION;
		return SP_HTTP_MORE;
	}
	sp_http_put_path(text, c);
	return SP_HTTP_MORE;
}

/* A target that is neither a path nor "*" is a URI if it contains "://" (absolute-form). Otherwise it is kept as the
 * path, which then has no slash. */
static __always_inline enum sp_http_result sp_http_scheme(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	__u8 scheme = sp_lower(text->path[0]); /* http, https, ws, wss, ftp; RTSP and SIP look like HTTP up to here */

	if (r->at == 2 && c == '/' && (scheme == 'h' || scheme == 'w' || scheme == 'f')) {
		sp_http_target_named(r, text, SP_REQUEST_ABSOLUTE);
		return SP_HTTP_MORE;
	}
	if ((r->at == 0 && c == ':') || (r->at == 1 && c == '/'))
		r->at++;
	else if (r->at)
		r->state = SP_HTTP_PATH;
	return sp_http_path(r, text, c);
}

static __always_inline enum sp_http_result sp_http_version(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	__u16 at = r->at;

	if (at < 7 && c == sp_http_word(SP_WORD_VERSION, at)) {
		r->at++;
		return SP_HTTP_MORE;
	}
	if (at == 5 && c == '2' && text->method_length == 3 && text->method[0] == 'P' && text->method[1] == 'R' &&
	    text->method[2] == 'I' && text->path_length == 1 && text->path[0] == '*') { /* RFC 9113 3.4 */
		text->flags |= SP_REQUEST_H2C;
		return sp_http_not_http(r);
	}
	if (at < 7)
		return sp_http_bad_line(r, text);
	if (!sp_is_digit(c) || r->reason ||
	    !(text->flags & SP_REQUEST_CONNECT || text->path[0] == '/' ||
	      (text->path[0] == '*' && text->path_length == 1)))
		return sp_http_break(r, SP_HTTP_BAD_LINE);
	if (c == '0')
		r->flags |= SP_HTTP_OLD;
	r->state = SP_HTTP_LINE_END;
	return SP_HTTP_MORE;
}

/* Ends the name in Host. RFC 9112 3.2 allows one Host. */
static __always_inline enum sp_http_result sp_http_host_end(struct sp_http_reader *r, struct sp_text *text)
{
	if (r->flags & SP_HTTP_COMPARE && r->at != text->name_length)
		text->flags |= SP_REQUEST_TWO_NAMES;
	if (text->flags & SP_REQUEST_TWO_NAMES && !(text->flags & SP_REQUEST_ABSOLUTE))
		return sp_http_break(r, SP_HTTP_BAD_HOST);
	r->flags = (r->flags | SP_HTTP_NAMED) & ~SP_HTTP_COMPARE;
	r->state = SP_HTTP_LINE;
	return SP_HTTP_MORE;
}

/* Handles the byte after the name of an absolute-form or authority-form target. */
static __always_inline enum sp_http_result sp_http_target_end(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	bool connect = text->flags & SP_REQUEST_CONNECT;

	if (c == '\n' || (connect && c != ' '))
		return sp_http_break(r, SP_HTTP_BAD_LINE);
	r->flags &= ~SP_HTTP_IN_TARGET;
	r->at = 0;
	r->state = c == ' ' ? SP_HTTP_VERSION : SP_HTTP_PATH;
	if (!connect && c != '/')
		sp_http_put_path(text, '/');
	if (c != ' ')
		sp_http_put_path(text, c);
	return SP_HTTP_MORE;
}

/* Reads uri-host [ ":" port ] (RFC 9110 7.2) of the target or of Host; r->state names the part. */
static __always_inline enum sp_http_result sp_http_name(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	bool first = r->flags & SP_HTTP_COMPARE ? r->at == 0 : text->name_length == 0;
	bool target = r->flags & SP_HTTP_IN_TARGET;

	/* user information is invalid here (RFC 9110 4.2.4), and servers differ about the name */
	if (c == '@' && target)
		return sp_http_break(r, SP_HTTP_BAD_HOST);
	if (r->state == SP_HTTP_LITERAL) {
		if (c == '\n' || c == ' ' || c == '/')
			return sp_http_break(r, SP_HTTP_BAD_HOST);
		sp_http_put_name(r, text, c);
		if (c == ']')
			r->state = SP_HTTP_NAME;
		return SP_HTTP_MORE;
	}
	if (target && (c == ' ' || c == '/' || c == '?' || c == '\n'))
		return sp_http_target_end(r, text, c);
	if (c == '\n')
		return sp_http_host_end(r, text);
	if (!target && (c == ' ' || c == '\t')) {
		r->state = SP_HTTP_NAME_END;
		return SP_HTTP_MORE;
	}
	if (r->state != SP_HTTP_NAME)
		return r->state == SP_HTTP_PORT && sp_is_digit(c) ? SP_HTTP_MORE : sp_http_break(r, SP_HTTP_BAD_HOST);
	if (c == ':') {
		r->state = SP_HTTP_PORT;
		return SP_HTTP_MORE;
	}
	if (c == '[' && first)
		r->state = SP_HTTP_LITERAL;
	sp_http_put_name(r, text, c);
	return SP_HTTP_MORE;
}

/* RFC 9112 3.2: origin-form, asterisk-form, authority-form with CONNECT, otherwise absolute-form. */
static __always_inline enum sp_http_result sp_http_target(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == ' ' || sp_http_is_odd_space(c)) {
		r->reason = SP_HTTP_BAD_LINE;
		return SP_HTTP_MORE;
	}
	r->at = 0;
	if (sp_is_connect(text)) {
		sp_http_target_named(r, text, SP_REQUEST_CONNECT);
		return sp_http_name(r, text, c);
	}
	r->state = c == '/' || c == '*' ? SP_HTTP_PATH : SP_HTTP_SCHEME;
	return r->state == SP_HTTP_PATH ? sp_http_path(r, text, c) : sp_http_scheme(r, text, c);
}

#endif
