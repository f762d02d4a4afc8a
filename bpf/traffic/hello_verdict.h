/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Phase tls: a ClientHello over TCP or QUIC. */
#ifndef SALLYPORT_TRAFFIC_HELLO_VERDICT_H
#define SALLYPORT_TRAFFIC_HELLO_VERDICT_H

#include "traffic.h"

/* Returns the reason why the default denies a ClientHello without a usable name. */
static __always_inline __u8 sp_unnamed_reason(enum sp_hello_result hello, __u8 protocol)
{
	switch (hello) {
	case SP_HELLO_NAMED:
		return SP_NAME_BAD;
	case SP_HELLO_UNNAMED:
		return SP_NAME_MISSING;
	case SP_HELLO_CUT:
		return SP_INCOMPLETE;
	case SP_HELLO_UNREAD:
		return protocol == IPPROTO_UDP ? SP_QUIC_UNREAD : SP_UNREAD;
	default:
		return SP_UNREADABLE;
	}
}

static __always_inline bool sp_hello_is_read(enum sp_hello_result hello)
{
	return hello == SP_HELLO_NAMED || hello == SP_HELLO_UNNAMED;
}

/* Judges and records the ClientHello in area->text with the result area->hello, on a connection that the policy of
 * `epoch` allowed. `must_be_named`: it allowed it because of this name. The subject then holds the decision. */
__noinline int sp_judge_hello(struct sp_scratch *area, __u32 epoch, bool must_be_named)
{
	struct sp_subject *s;
	__u32 length;
	__u64 name;

	if (!area)
		return 0;
	s = &area->subject;
	length = area->text.name_length;
	__builtin_memcpy(area->name.raw, area->text.name, SP_NAME_MAX);
	s->flags &= ~SP_JUDGE_UNREAD;
	name = area->hello == SP_HELLO_NAMED ? sp_learn_shown(area, length) : 0;
	if (!sp_hello_is_read(area->hello))
		s->flags |= SP_JUDGE_UNREAD;
	s->phase = SP_PHASE_TLS;
	s->name_hash = name;
	sp_decide(s);
	if (s->epoch != epoch) { /* the policy was switched between the phases: one complete policy decides */
		s->phase = SP_PHASE_CONNECT;
		sp_decide(s);
		if (s->action == SP_ALLOW) {
			s->phase = SP_PHASE_TLS;
			s->name_hash = name;
			sp_decide(s);
		}
	}
	if (!name && s->action == SP_DENY && s->rule == SP_NO_RULE && s->reason != SP_NO_ROOM)
		s->reason = sp_unnamed_reason(area->hello, s->protocol);
	if (must_be_named)
		sp_require_name(s);
	area->named.flags = area->text.flags;
	area->named.query_type = area->named.query_id = 0;
	sp_record_named(area, SP_EVENT_HELLO, length < SP_NAME_MAX ? length : 0);
	return 0;
}

#endif
