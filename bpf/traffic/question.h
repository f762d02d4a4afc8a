/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS questions at egress: phase dns. */
#ifndef SALLYPORT_TRAFFIC_QUESTION_H
#define SALLYPORT_TRAFFIC_QUESTION_H

#include "flow.h"
#include "stands_for.h"

enum sp_question_result { SP_QUESTION_PASS, SP_QUESTION_DROP, SP_QUESTION_NONE };

/* Stores the question and its caller, for comparison with the answer. */
__noinline int sp_remember_question(struct sp_scratch *area, __u16 id, __u16 type, __u32 flags)
{
	struct sp_question_key key = {.id = id, .type = type};
	struct sp_scratch *again;
	struct sp_subject *s;

	if (!area)
		return 0;
	s = &area->subject;
	key.cookie = s->cookie;
	key.resolver[0] = s->remote[0];
	key.resolver[1] = s->remote[1];
	area->question.name_hash = s->name_hash;
	area->question.time = bpf_ktime_get_ns();
	area->question.tgid = s->tgid;
	area->question.start = s->start;
	area->question.cgroup = s->cgroup;
	area->question.netns = s->netns;
	area->question.flags = flags;
	area->question.netns = s->netns;
	again = sp_scratch_as_map_value(area);
	if (!again || bpf_map_update_elem(&questions, &key, &again->question, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_QUESTIONS);
	return 0;
}

/* Judges each question of the message whose beginning is in area->dns. One denial drops the message. Answers are
 * learned only for messages with one question, as all clients send them: with several, the owner of an answer would be
 * ambiguous. Returns SP_QUESTION_NONE for a message that is not a readable question. */
__noinline int sp_judge_message(struct sp_scratch *area, __u32 flags)
{
	struct sp_dns_head head;
	int result = SP_QUESTION_NONE;
	struct sp_subject *s;

	if (!area)
		return SP_QUESTION_DROP;
	s = &area->subject;
	sp_dns_head_of(area->dns.wire, &head);
	if (area->dns.size < SP_DNS_HEADER || !sp_dns_is_question(&head))
		return SP_QUESTION_NONE;
	for (int i = 0; i < SP_DNS_QUESTIONS_MAX; i++) {
		if (i >= head.questions)
			break;
		if (sp_dns_question(&area->dns, area->name.raw, &area->section))
			return result == SP_QUESTION_DROP ? SP_QUESTION_DROP : SP_QUESTION_NONE;
		s->phase = SP_PHASE_DNS;
		s->name_hash = sp_learn_question(area, area->section.length);
		area->named.query_type = area->section.type;
		sp_other_names_begin(area, area->section.length);
		sp_decide(s);
		area->other.alert = s->alert;
		for (int other = 0; other < SP_OTHER_NAMES_MAX && s->reason == SP_BY_DEFAULT; other++) {
			if (!(s->policy_flags & SP_HAS_NAMES) || !sp_other_name(area))
				break;
			if (!s->name_hash)
				s->name_hash = sp_read_part(area, area->other.begin, area->other.end);
			sp_decide(s);
		}
		if (s->alert == SP_NO_RULE)
			s->alert = area->other.alert;
		area->other.end = (s->policy_flags & SP_HAS_NAMES) ? sp_short_name(area) : 0;
		if (area->other.end && sp_is_covered(s, sp_read_part(area, 0, area->other.end)))
			area->other.shortened = area->other.end;
		sp_other_names_end(area);
		if (sp_verdict_of(s) == SP_DENY)
			result = SP_QUESTION_DROP;
		else if (result != SP_QUESTION_DROP)
			result = SP_QUESTION_PASS;
		area->named.query_id = head.id;
		area->named.flags = 0;
		sp_record_named(area, SP_EVENT_QUESTION, area->section.length);
	}
	if (head.questions == 1 && result == SP_QUESTION_PASS)
		sp_remember_question(area, head.id, area->section.type, flags);
	return result;
}

/* Judges what is sent to port 53 and is not a readable question. A resolver may take it for one. */
__noinline int sp_judge_unreadable(struct sp_scratch *area)
{
	struct sp_subject *s;

	if (!area)
		return SP_DROP;
	s = &area->subject;
	s->phase = SP_PHASE_DNS;
	s->name_hash = 0;
	s->flags |= SP_JUDGE_UNREAD;
	sp_decide(s);
	s->flags &= ~SP_JUDGE_UNREAD;
	if (s->action != SP_DENY)
		return SP_PASS;
	if (s->rule == SP_NO_RULE && s->reason != SP_NO_ROOM)
		s->reason = SP_UNREADABLE;
	area->named.query_type = area->named.query_id = 0;
	area->named.flags = 0;
	sp_record_named(area, SP_EVENT_QUESTION, 0);
	return sp_verdict_of(s) == SP_DENY ? SP_DROP : SP_PASS;
}

static __always_inline int sp_judge_datagram(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p,
					     bool trusted)
{
	struct sp_bytes bytes = {.packet = skb, .end = p->end};

	/* several messages in one send (UDP_SEGMENT), which no resolver library does */
	if (skb->gso_segs > 1 || sp_datagram_may_change(skb) || sp_dns_open(&area->dns, &bytes, p->payload))
		return SP_QUESTION_NONE;
	return sp_judge_message(area, sp_question_flags(skb, trusted));
}

static __always_inline int sp_egress_dns(struct __sk_buff *skb, struct sp_packet *p, struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	bool trusted = sp_is_resolver(s->remote);

	if (!trusted && sp_egress_flow(skb, p, s, true) == SP_DROP)
		return SP_DROP;
	switch (sp_judge_datagram(skb, area, p, trusted)) {
	case SP_QUESTION_PASS:
		return SP_PASS;
	case SP_QUESTION_DROP:
		return sp_drop(skb);
	default:
		if (sp_judge_unreadable(area) == SP_DROP)
			return sp_drop(skb);
		if (!trusted)
			return SP_PASS;
		s->phase = SP_PHASE_CONNECT; /* a trusted resolver is an exception only for DNS */
		s->flags |= SP_JUDGE_NOT_DNS;
		return sp_egress_flow(skb, p, s, false);
	}
}

#endif
