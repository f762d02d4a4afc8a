/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Fields of a request that name its destination and its end, and the lines around the chunks of its body (RFC 9112 5
 * to 7). Included by http.h. */
#ifndef SALLYPORT_PARSE_HTTP_FIELDS_H
#define SALLYPORT_PARSE_HTTP_FIELDS_H

#include "http_name.h"

#define SP_HTTP_LENGTH_MAX (1ULL << 53)

static __always_inline bool sp_http_is_blank(__u8 c)
{
	return c == ' ' || c == '\t';
}

/* Ends the head; the body follows. */
static __always_inline enum sp_http_result sp_http_head_end(struct sp_http_reader *r, const struct sp_text *text)
{
	bool chunked = r->flags & SP_HTTP_CHUNKED;

	if (text->flags & SP_REQUEST_CONNECT && (chunked || r->left))
		return sp_http_break(r, SP_HTTP_BAD_LENGTH);
	r->state = chunked ? SP_HTTP_CHUNK : r->left ? SP_HTTP_BODY : SP_HTTP_START;
	r->flags = text->flags & (SP_REQUEST_CONNECT | SP_REQUEST_UPGRADE) ? SP_HTTP_MAY_SWITCH : 0;
	r->kept = 1;
	r->head = r->at = 0;
	return SP_HTTP_REQUEST;
}

static __always_inline enum sp_http_result sp_http_line(struct sp_http_reader *r, const struct sp_text *text, __u8 c)
{
	__u8 lower = sp_lower(c);

	if (c == '\n')
		return sp_http_head_end(r, text);
	/* folded line, white space before the first field (RFC 9112 2.2, 5.2), or no name */
	if (sp_http_is_blank(c) || c == ':')
		return sp_http_break(r, SP_HTTP_BAD_FIELD);
	r->field = lower == 'h'   ? SP_FIELD_HOST
		   : lower == 'c' ? SP_FIELD_LENGTH
		   : lower == 't' ? SP_FIELD_CODING
		   : lower == 'u' ? SP_FIELD_UPGRADE
				  : SP_FIELD_NONE;
	r->at = 1;
	r->state = r->field ? SP_HTTP_FIELD : SP_HTTP_SKIP;
	return SP_HTTP_MORE;
}

/* Begins the value of a relevant field, after its colon. */
static __always_inline enum sp_http_result sp_http_value(struct sp_http_reader *r, struct sp_text *text)
{
	__u8 seen = r->flags & (SP_HTTP_SAW_LENGTH | SP_HTTP_CHUNKED);

	r->at = 0;
	r->state = SP_HTTP_VALUE;
	switch (r->field) {
	case SP_FIELD_HOST:
		if (text->flags & SP_REQUEST_CONNECT)
			r->state = SP_HTTP_SKIP;
		else if (r->flags & SP_HTTP_NAMED)
			r->flags |= SP_HTTP_COMPARE;
		return SP_HTTP_MORE;
	case SP_FIELD_LENGTH:
		r->flags |= SP_HTTP_SAW_LENGTH;
		return seen ? sp_http_break(r, SP_HTTP_BAD_LENGTH) : SP_HTTP_MORE;
	case SP_FIELD_CODING: /* RFC 9112 6.1: with HTTP/1.0 its end is ambiguous */
		return seen || r->flags & SP_HTTP_OLD ? sp_http_break(r, SP_HTTP_BAD_LENGTH) : SP_HTTP_MORE;
	default:
		text->flags |= SP_REQUEST_UPGRADE;
		r->state = SP_HTTP_SKIP;
		return SP_HTTP_MORE;
	}
}

static __always_inline enum sp_http_result sp_http_field(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	__u8 wanted = sp_http_word(r->field, r->at);

	if (wanted && wanted == sp_lower(c)) {
		r->at++;
		return SP_HTTP_MORE;
	}
	if (!wanted && c == ':')
		return sp_http_value(r, text);
	if (!wanted && !sp_is_token(c)) /* RFC 9112 5.1: white space before the colon */
		return sp_http_break(r, SP_HTTP_BAD_FIELD);
	r->state = c == '\n' ? SP_HTTP_LINE : SP_HTTP_SKIP;
	return SP_HTTP_MORE;
}

static __always_inline enum sp_http_result sp_http_length(struct sp_http_reader *r, __u8 c)
{
	if (sp_is_digit(c) && r->state == SP_HTTP_LENGTH && r->left < SP_HTTP_LENGTH_MAX / 16) {
		r->left = r->left * 10 + (c - '0');
		r->at = 1;
		return SP_HTTP_MORE;
	}
	if (!r->at || !(c == '\n' || sp_http_is_blank(c)))
		return sp_http_break(r, SP_HTTP_BAD_LENGTH);
	r->state = c == '\n' ? SP_HTTP_LINE : SP_HTTP_LENGTH_END;
	return SP_HTTP_MORE;
}

/* Transfer-Encoding: the last coding must be chunked, and no other may be (RFC 9112 6.3). r->at counts the characters
 * that matched. */
static __always_inline enum sp_http_result sp_http_coding(struct sp_http_reader *r, __u8 c)
{
	enum { WHOLE = 7, BEHIND = 8, OTHER = 16 };
	bool chunked = r->at == WHOLE || r->at == BEHIND;

	if (c == '\n' || c == ',') {
		if (chunked != (c == '\n'))
			return sp_http_break(r, SP_HTTP_BAD_LENGTH);
		r->at = 0;
		if (chunked) {
			r->flags |= SP_HTTP_CHUNKED;
			r->state = SP_HTTP_LINE;
		}
	} else if (sp_http_is_blank(c)) {
		r->at = r->at == 0 ? 0 : chunked ? BEHIND : OTHER;
	} else {
		r->at = r->at < WHOLE && sp_lower(c) == sp_http_word(SP_WORD_CHUNKED, r->at) ? r->at + 1 : OTHER;
	}
	return SP_HTTP_MORE;
}

static __always_inline enum sp_http_result sp_http_value_start(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (sp_http_is_blank(c))
		return SP_HTTP_MORE;
	if (r->field == SP_FIELD_HOST) {
		r->state = SP_HTTP_NAME;
		return sp_http_name(r, text, c);
	}
	if (r->field == SP_FIELD_LENGTH) {
		r->state = SP_HTTP_LENGTH;
		return sp_http_length(r, c);
	}
	r->state = SP_HTTP_CODING;
	return sp_http_coding(r, c);
}

/* chunk-size [ chunk-ext ] CRLF (RFC 9112 7.1). A bare LF is malformed here: the end of an extension decides where the
 * next request begins, and servers differ. */
static __always_inline enum sp_http_result sp_http_chunk(struct sp_http_reader *r, __u8 c, bool crlf)
{
	__u8 lower = sp_lower(c);

	if (r->state == SP_HTTP_CHUNK && r->left < SP_HTTP_LENGTH_MAX / 16 &&
	    (sp_is_digit(c) || (lower >= 'a' && lower <= 'f'))) {
		r->left = r->left * 16 + (sp_is_digit(c) ? c - '0' : lower - 'a' + 10);
		r->at = 1;
		return SP_HTTP_MORE;
	}
	if (!r->at || (c == '\n' && !crlf))
		return sp_http_break(r, SP_HTTP_BAD_CHUNK);
	if (c != '\n') {
		if (r->state == SP_HTTP_CHUNK && c != ';' && !sp_http_is_blank(c))
			return sp_http_break(r, SP_HTTP_BAD_CHUNK);
		r->state = SP_HTTP_CHUNK_EXTENSION;
		return SP_HTTP_MORE;
	}
	r->state = r->left ? SP_HTTP_CHUNK_DATA : SP_HTTP_TRAILER;
	r->head = r->at = 0;
	return SP_HTTP_MORE;
}

static __always_inline enum sp_http_result sp_http_chunk_end(struct sp_http_reader *r, __u8 c, bool crlf)
{
	if (c != '\n' || !crlf)
		return sp_http_break(r, SP_HTTP_BAD_CHUNK);
	r->state = SP_HTTP_CHUNK;
	return SP_HTTP_MORE;
}

static __always_inline enum sp_http_result sp_http_trailer(struct sp_http_reader *r, __u8 c)
{
	if (c != '\n') {
		r->state = SP_HTTP_TRAILER_SKIP;
	} else {
		r->state = SP_HTTP_START;
		r->head = 0;
	}
	return SP_HTTP_MORE;
}

#endif
