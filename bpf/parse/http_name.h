/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The name in the target of a request, or in Host (RFC 9112 3.2). Included by http_fields.h. */
#ifndef SALLYPORT_PARSE_HTTP_NAME_H
#define SALLYPORT_PARSE_HTTP_NAME_H

#include "http_line.h"

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

	if (c == '\n')
		return sp_http_bad_line(r, text);
	if (connect && c != ' ')
		return sp_http_doubt(r, SP_HTTP_BAD_LINE);
	r->flags &= ~SP_HTTP_IN_TARGET;
	r->at = 0;
	r->state = c == ' ' ? SP_HTTP_VERSION : SP_HTTP_PATH;
	if (!connect && c != '/')
		sp_http_put_path(text, '/');
	if (c != ' ')
		sp_http_put_path(text, c);
	return SP_HTTP_MORE;
}

static __always_inline enum sp_http_result sp_http_bad_host(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (!(r->flags & SP_HTTP_IN_TARGET))
		return sp_http_break(r, SP_HTTP_BAD_HOST);
	sp_http_doubt(r, SP_HTTP_BAD_HOST);
	return sp_http_path(r, text, c);
}

/* Reads uri-host [ ":" port ] (RFC 9110 7.2) of the target or of Host; r->state names the part. */
static __always_inline enum sp_http_result sp_http_name(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	bool first = r->flags & SP_HTTP_COMPARE ? r->at == 0 : text->name_length == 0;
	bool target = r->flags & SP_HTTP_IN_TARGET;

	/* user information is invalid here (RFC 9110 4.2.4), and servers differ about the name */
	if (target && (c == '@' || c == 0))
		return sp_http_doubt(r, SP_HTTP_BAD_HOST);
	if (target && sp_http_is_odd_space(c)) {
		sp_http_doubt(r, SP_HTTP_BAD_LINE);
		return sp_http_path(r, text, c);
	}
	if (r->state == SP_HTTP_LITERAL && !(target && c == '\n')) {
		if (c == '\n' || c == ' ' || c == '/')
			return sp_http_bad_host(r, text, c);
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
		return r->state == SP_HTTP_PORT && sp_is_digit(c) ? SP_HTTP_MORE : sp_http_bad_host(r, text, c);
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
	if (c == '\n')
		return sp_http_bad_line(r, text);
	if (sp_http_method_is(text, SP_WORD_CONNECT, 7)) {
		sp_http_target_named(r, text, SP_REQUEST_CONNECT);
		return sp_http_name(r, text, c);
	}
	r->state = c == '/' || c == '*' ? SP_HTTP_PATH : SP_HTTP_SCHEME;
	return r->state == SP_HTTP_PATH ? sp_http_path(r, text, c) : sp_http_scheme(r, text, c);
}

#endif
