/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The request line (RFC 9112 3) except names in its target. A line that any server could take for a request is read or
 * malformed, and only other lines are not HTTP. Included by http_name.h. */
#ifndef SALLYPORT_PARSE_HTTP_LINE_H
#define SALLYPORT_PARSE_HTTP_LINE_H

#include "http_head.h"

static __always_inline enum sp_http_result sp_http_start(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == '\n' || c == ' ' || sp_http_is_odd_space(c)) {
		r->head = 0; /* nginx skips any number */
		return SP_HTTP_MORE;
	}
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

static __always_inline enum sp_http_result sp_http_method(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (c == ' ' || sp_http_is_odd_space(c)) {
		if (c != ' ')
			r->reason = SP_HTTP_BAD_LINE;
		r->state = SP_HTTP_TARGET;
		return SP_HTTP_MORE;
	}
	if (!sp_is_token(c))
		return sp_http_not_http(r);
	if (text->method_length < SP_METHOD_MAX)
		text->method[text->method_length % SP_METHOD_MAX] = c;
	text->method_length++;
	return SP_HTTP_MORE;
}

/* The request line is malformed. Whether a server can take it for a request depends on its end. */
static __always_inline enum sp_http_result sp_http_doubt(struct sp_http_reader *r, __u8 reason)
{
	if (!r->reason)
		r->reason = reason;
	r->flags &= ~SP_HTTP_IN_TARGET;
	r->state = SP_HTTP_PATH;
	return SP_HTTP_MORE;
}

/* The line ended without a version. Servers take it for HTTP/0.9 if the method is GET, proxies also in lower case.
 * "PROXY" is the header of version 1 of the PROXY protocol, which a request may follow. */
static __always_inline enum sp_http_result sp_http_bad_line(struct sp_http_reader *r, struct sp_text *text)
{
	if (!r->kept && sp_http_method_is(text, SP_WORD_PROXY, 5)) {
		r->state = SP_HTTP_START;
		r->flags = r->reason = 0;
		return SP_HTTP_MORE;
	}
	if (text->flags & SP_REQUEST_ABSOLUTE || sp_http_method_is(text, SP_WORD_GET, 3))
		return sp_http_break(r, SP_HTTP_BAD_LINE);
	text->flags = 0;
	return sp_http_not_http(r);
}

/* A CR without LF in the request line: Python's http.server takes it for a space. */
static __always_inline void sp_http_line_cr(struct sp_http_reader *r)
{
	if (r->state == SP_HTTP_START)
		return;
	if (r->state <= SP_HTTP_TARGET) {
		r->reason = SP_HTTP_BAD_CONTROL;
		r->state = SP_HTTP_TARGET;
		return;
	}
	sp_http_doubt(r, SP_HTTP_BAD_CONTROL);
	r->at = 0;
	r->state = SP_HTTP_VERSION;
}

static __always_inline void sp_http_target_named(struct sp_http_reader *r, struct sp_text *text, __u32 form)
{
	text->flags |= form;
	text->path_length = 0;
	r->flags |= SP_HTTP_IN_TARGET | SP_HTTP_NAMED;
	r->state = SP_HTTP_NAME;
}

/* Global: called in many states. */
__noinline int sp_http_path(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	if (!r || !text)
		return SP_HTTP_BROKEN;
	if (c == '\n')
		return sp_http_bad_line(r, text);
	if (c == ' ' || sp_http_is_odd_space(c)) {
		if (c != ' ')
			sp_http_doubt(r, SP_HTTP_BAD_LINE);
		r->at = 0;
		r->state = SP_HTTP_VERSION;
		return SP_HTTP_MORE;
	}
	if (c == 0)
		sp_http_doubt(r, SP_HTTP_BAD_CONTROL);
	sp_http_put_path(text, c);
	return SP_HTTP_MORE;
}

/* A target that is neither a path nor "*" is a URI if it contains "://" (absolute-form). Otherwise it is kept as the
 * path, which then has no slash. */
static __always_inline enum sp_http_result sp_http_scheme(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	__u8 scheme = sp_lower(text->path[0]); /* http, https, ws, wss, ftp, rtsp */

	if (r->at == 2 && c == '/' && (scheme == 'h' || scheme == 'w' || scheme == 'f' || scheme == 'r')) {
		sp_http_target_named(r, text, SP_REQUEST_ABSOLUTE);
		return SP_HTTP_MORE;
	}
	if ((r->at == 0 && c == ':') || (r->at == 1 && c == '/'))
		r->at++;
	else if (r->at)
		r->state = SP_HTTP_PATH;
	return sp_http_path(r, text, c);
}

static __always_inline bool sp_http_is_h2c(const struct sp_text *text)
{
	return text->method_length == 3 && text->method[0] == 'P' && text->method[1] == 'R' && text->method[2] == 'I' &&
	       text->path_length == 1 && text->path[0] == '*';
}

/* Finds the version, from which on a line is a request to some server. */
static __always_inline enum sp_http_result sp_http_version(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	__u16 at = r->at;
	__u8 wanted;

	if (at == 0)
		r->field = c == 'R' ? SP_WORD_RTSP : c == 'I' ? SP_WORD_ICE : SP_WORD_VERSION;
	wanted = sp_http_word(r->field, at);
	if (wanted && sp_lower(c) == sp_lower(wanted)) {
		if (c != wanted && !r->reason)
			r->reason = SP_HTTP_BAD_LINE;
		r->at++;
		return SP_HTTP_MORE;
	}
	if (at == 5 && c == '2' && r->field == SP_WORD_VERSION && sp_http_is_h2c(text)) { /* RFC 9113 3.4 */
		text->flags |= SP_REQUEST_H2C;
		r->state = SP_HTTP_STOPPED;
		r->reason = SP_HTTP_FINE;
		r->kept = 0;
		return SP_HTTP_OTHER;
	}
	if (at < (r->field == SP_WORD_ICE ? 4 : 5)) { /* before the slash */
		if (c == '\n')
			return sp_http_bad_line(r, text);
		sp_http_doubt(r, SP_HTTP_BAD_LINE);
		if (c == ' ' || sp_http_is_odd_space(c)) {
			r->at = 0;
			r->state = SP_HTTP_VERSION;
		}
		return SP_HTTP_MORE;
	}
	if (wanted || !sp_is_digit(c) || r->reason ||
	    !(text->flags & SP_REQUEST_CONNECT || text->path[0] == '/' ||
	      (text->path[0] == '*' && text->path_length == 1)))
		return sp_http_break(r, r->reason ? r->reason : SP_HTTP_BAD_LINE);
	if (r->field != SP_WORD_VERSION)
		text->flags |= SP_REQUEST_UPGRADE; /* media may follow */
	else if (c == '0')
		r->flags |= SP_HTTP_OLD;
	r->state = SP_HTTP_LINE_END;
	return SP_HTTP_MORE;
}

#endif
