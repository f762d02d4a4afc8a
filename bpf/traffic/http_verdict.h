/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Phase http: a request in cleartext, and its response. */
#ifndef SALLYPORT_TRAFFIC_HTTP_VERDICT_H
#define SALLYPORT_TRAFFIC_HTTP_VERDICT_H

#include "../who/learn.h"
#include "record.h"

#define SP_REQUEST_UNREAD (SP_REQUEST_BROKEN | SP_REQUEST_H2C)

static __always_inline bool sp_has_status(const struct sp_policy_view *p, __u16 rule)
{
	__u64 *without = rule == SP_NO_RULE ? NULL : sp_vector(p, SP_VEC_ANY_STATUS);

	return without && !(without[rule / SP_WORD_BITS % SP_WORDS_MAX] >> rule % SP_WORD_BITS & 1);
}

/* True if the status changed the decision. Only then is the response counted as another decision. */
__noinline int sp_is_by_status(struct sp_subject *s)
{
	struct sp_policy_view p;

	if (!s || !s->request.status || !(s->policy_flags & SP_HAS_STATUS) || !sp_open(s, &p))
		return 0;
	return sp_has_status(&p, s->rule) || sp_has_status(&p, s->alert);
}

static __always_inline void sp_record_request(struct sp_scratch *area)
{
	const struct sp_text *text = &area->text;
	__u64 now = bpf_ktime_get_ns();

	if (!text->status || sp_is_by_status(&area->subject))
		sp_count_decision(&area->subject);
	sp_fill(&area->http.decision, &area->subject, SP_EVENT_REQUEST, sizeof(area->http), now);
	area->http.decision.name_len = text->name_length;
	area->http.flags = text->flags;
	area->http.status = text->status;
	area->http.path_len = text->path_length;
	area->http.method_len = text->method_length;
	__builtin_memset(area->http.reserved, 0, sizeof(area->http.reserved));
	__builtin_memcpy(area->http.name, text->name, SP_NAME_MAX);
	__builtin_memcpy(area->http.method, text->method, SP_METHOD_MAX);
	__builtin_memcpy(area->http.path, text->path, SP_PATH_MAX);
	sp_emit(&area->http, sizeof(area->http), SP_EVENT_REQUEST, now, sp_weight_of(&area->subject));
}

/* Decides by the name in the request. A malformed head, a request with two names, and HTTP/2 cannot be read. */
static __always_inline void sp_decide_request(struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	const struct sp_text *text = &area->text;
	__u32 length = text->name_length;
	__u64 name;

	s->phase = SP_PHASE_HTTP;
	s->flags &= ~SP_JUDGE_UNREAD;
	__builtin_memcpy(area->name.raw, text->name, SP_NAME_MAX);
	name = text->flags & SP_REQUEST_UNREAD ? 0 : sp_learn_shown(area, length);
	if (text->flags & SP_REQUEST_UNREAD)
		s->flags |= SP_JUDGE_UNREAD;
	s->name_hash = name;
	sp_decide(s);
	if (text->flags & SP_REQUEST_TWO_NAMES && s->action == SP_ALLOW) {
		s->name_hash = name = 0;
		s->flags |= SP_JUDGE_UNREAD;
		sp_decide(s);
	}
	if (name || s->action != SP_DENY || s->rule != SP_NO_RULE || s->reason == SP_NO_ROOM)
		return;
	if (text->flags & SP_REQUEST_H2C)
		s->reason = SP_UNREAD;
	else
		s->reason = text->flags & SP_REQUEST_BROKEN ? SP_UNREADABLE : length ? SP_NAME_BAD : SP_NAME_MISSING;
}

/* Judges and records the request in area->text, or its response if text.status is set. `must_be_named`: as in
 * sp_judge_hello(). The subject holds the decision. Returns enum sp_verdict. Inlined, to save a frame. */
static __always_inline int sp_judge_http(struct sp_scratch *area, bool must_be_named)
{
	struct sp_subject *s = &area->subject;
	struct sp_text *text = &area->text;

	if (text->flags & SP_REQUEST_BROKEN) /* its parts are unreliable */
		text->name_length = text->method_length = text->path_length = 0;
	s->request.method_length = text->method_length;
	s->request.path_length = text->path_length;
	s->request.status = text->status;
	__builtin_memcpy(s->request.method, text->method, SP_METHOD_MAX);
	__builtin_memcpy(s->request.path, text->path, SP_PATH_MAX);
	sp_decide_request(area);
	if (must_be_named)
		sp_require_name(s);
	sp_record_request(area);
	return sp_verdict_of(s);
}

#endif
