/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS questions at egress: phase dns. */
#ifndef SALLYPORT_TRAFFIC_QUESTION_H
#define SALLYPORT_TRAFFIC_QUESTION_H

#include "flow.h"

enum sp_question_result { SP_QUESTION_PASS, SP_QUESTION_DROP, SP_QUESTION_NONE };

/* Stores the question and its caller, for comparison with the answer. */
__noinline int sp_remember_question(struct sp_scratch *area, __u16 id, __u16 type, bool trusted)
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
	area->question.trusted = trusted;
	again = sp_scratch_as_map_value(area);
	if (!again || bpf_map_update_elem(&questions, &key, &again->question, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_QUESTIONS);
	return 0;
}

/* Judges each question of the message whose beginning is in area->dns. One denial drops the message. Answers are
 * learned only for messages with one question, as all clients send them: with several, the owner of an answer would be
 * ambiguous. Returns SP_QUESTION_NONE for a message that is not a readable question. */
__noinline int sp_judge_message(struct sp_scratch *area, bool trusted)
{
	struct sp_dns_question question;
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
		if (sp_dns_question(&area->dns, area->name.raw, &question))
			return result == SP_QUESTION_DROP ? SP_QUESTION_DROP : SP_QUESTION_NONE;
		s->phase = SP_PHASE_DNS;
		s->name_hash = sp_learn_question(area, question.length);
		sp_decide(s);
		if (sp_verdict_of(s) == SP_DENY)
			result = SP_QUESTION_DROP;
		else if (result != SP_QUESTION_DROP)
			result = SP_QUESTION_PASS;
		area->named.query_type = question.type;
		area->named.query_id = head.id;
		area->named.flags = 0;
		sp_record_named(area, SP_EVENT_QUESTION, question.length);
	}
	if (head.questions == 1 && result == SP_QUESTION_PASS)
		sp_remember_question(area, head.id, question.type, trusted);
	return result;
}

/* Judges a message on port 53 that is not a readable question: by the default of phase dns and, with SP_JUDGE_ANY_NAME,
 * by each deny and alert rule. */
__noinline int sp_judge_unreadable(struct sp_scratch *area)
{
	struct sp_subject *s;

	if (!area)
		return SP_DROP;
	s = &area->subject;
	s->phase = SP_PHASE_DNS;
	s->name_hash = 0;
	sp_decide(s);
	if (s->action != SP_DENY)
		return SP_PASS;
	if (s->reason == SP_BY_DEFAULT)
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

	if (skb->gso_segs > 1) { /* several messages in one send (UDP_SEGMENT), which no resolver library does */
		area->subject.flags |= SP_JUDGE_ANY_NAME;
		return SP_QUESTION_NONE;
	}
	if (sp_dns_open(&area->dns, &bytes, p->payload))
		return SP_QUESTION_NONE;
	return sp_judge_message(area, trusted);
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
