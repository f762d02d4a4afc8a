/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The parsers as a function of a request. A request holds the state so far, is followed by the next bytes and is
 * answered in place. In the kernel the program `parse` does so, by BPF_PROG_TEST_RUN, in user space
 * native/parsers/parsers.c. `sallyport replay`, the corpus, the fuzzers and the tests that compare both use this
 * form. */
#ifndef SALLYPORT_PARSE_PARSE_H
#define SALLYPORT_PARSE_PARSE_H

#include "dtls.h"
#include "http.h"
#include "parse_dns.h"
#include "reader.h"

static __always_inline void sp_parse_stream(struct sp_parse_request *r, const struct sp_bytes *bytes,
					    struct sp_cursor *cursor, __u32 offset)
{
	struct sp_reading reading = {.bytes = *bytes, .reader = &r->reader, .text = &r->text, .cursor = cursor};

	cursor->at = offset + r->at;
	cursor->limit = offset + r->end;
	cursor->hello = SP_HELLO_CUT;
	r->result = sp_reader_read(&reading);
	r->at = cursor->at - offset;
	r->hello = cursor->hello;
	r->is_pending = sp_reader_is_pending(&r->reader);
	r->hides_hello = r->reader.hides_hello;
}

static __always_inline void sp_parse_http(struct sp_parse_request *r, const struct sp_bytes *bytes, __u32 offset)
{
	__u32 at = offset + r->at;

	r->result = sp_http_read(&r->http, &r->text, bytes, &at, offset + r->end);
	r->at = at - offset;
	r->is_pending = sp_http_is_pending(&r->http);
}

static __always_inline void sp_parse_answer(struct sp_parse_request *r, const struct sp_bytes *bytes, __u32 offset)
{
	int status = sp_http_status(&r->answer, bytes, offset + r->at, offset + r->end);

	r->text.status = status > 0 ? status : 0;
	r->result = status != 0;
}

static __always_inline void sp_parse_dtls(struct sp_parse_request *r, const struct sp_bytes *bytes,
					  struct sp_cursor *cursor, struct sp_parse_work *work, __u32 offset)
{
	struct sp_dtls_walk walk = {
		.hello = {.bytes = *bytes, .hello = &work->hello, .text = &r->text, .cursor = cursor},
		.dtls = &work->dtls};

	walk.hello.bytes.end = offset + r->end;
	r->hello = sp_dtls_read(&walk, offset + r->at);
}

/* True if the range in the request lies within the bytes that follow it. `offset` is the size of the request. */
static __always_inline bool sp_parse_in_bounds(const struct sp_parse_request *r, __u32 length, __u32 offset)
{
	return r->at <= r->end && r->end <= length - offset;
}

/* Answers the request, unless it is SP_PARSE_QUIC (see sp_parse_quic). The bytes that follow begin at `offset` of
 * `bytes`; `cursor` and `work` are working memory. Returns 0, or -1 if the range is out of bounds. */
static __always_inline int sp_parse(struct sp_parse_request *r, const struct sp_bytes *bytes, struct sp_cursor *cursor,
				    struct sp_parse_work *work, __u32 offset)
{
	if (!sp_parse_in_bounds(r, bytes->end, offset))
		return -1;
	switch (r->kind) {
	case SP_PARSE_STREAM:
		sp_parse_stream(r, bytes, cursor, offset);
		return 0;
	case SP_PARSE_DNS:
		r->result = sp_parse_message(&r->dns, &r->text, work, bytes, offset);
		return 0;
	case SP_PARSE_HTTP:
		sp_parse_http(r, bytes, offset);
		return 0;
	case SP_PARSE_ANSWER:
		sp_parse_answer(r, bytes, offset);
		return 0;
	case SP_PARSE_DTLS:
		sp_parse_dtls(r, bytes, cursor, work, offset);
		return 0;
	default:
		return -1;
	}
}

#endif
