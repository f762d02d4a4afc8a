/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* DNS questions at egress: phase dns. */
#ifndef SALLYPORT_QUESTION_H
#define SALLYPORT_QUESTION_H

#include "flow.h"

enum sp_question_result { SP_QUESTION_PASS, SP_QUESTION_DROP, SP_QUESTION_NONE };

/* Phase dns. SP_QUESTION_NONE: it is no question that can be read. */
__noinline int sp_judge_question(struct __sk_buff *skb, struct sp_scratch *area, __u32 payload, bool trusted)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};
	struct sp_question_key key = {};
	struct sp_scratch *again;
	struct sp_dns_head head;
	struct sp_subject *s;
	__u8 verdict, type[4];
	__u32 behind, length;

	if (!area)
		return SP_QUESTION_DROP;
	s = &area->subject;
	if (sp_dns_head(&bytes, payload, &head) || head.flags & SP_DNS_RESPONSE || head.questions != 1 || skb->gso_segs > 1)
		return SP_QUESTION_NONE;
	behind = sp_dns_name(&bytes, payload + SP_DNS_HEADER, &area->dns, area->name.raw);
	if (!behind || sp_read(&bytes, behind, type, sizeof(type)))
		return SP_QUESTION_NONE;
	length = area->dns.length;
	s->phase = SP_PHASE_DNS;
	s->name_hash = length ? sp_learn_name(area, length) : 0;
	sp_decide(s);
	verdict = sp_verdict_of(s);
	if (verdict != SP_DENY) {
		key.cookie = s->cookie;
		key.id = head.id;
		area->question.name_hash = s->name_hash;
		area->question.time = bpf_ktime_get_ns();
		__builtin_memcpy(area->question.resolver, s->remote, 16);
		area->question.tgid = s->tgid;
		area->question.start = s->start;
		area->question.cgroup = s->cgroup;
		area->question.trusted = trusted;
		again = sp_scratch_again(area);
		if (!again || bpf_map_update_elem(&questions, &key, &again->question, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_QUESTIONS);
	}
	area->named.query_type = sp_be16(type);
	area->named.query_id = head.id;
	area->named.flags = 0;
	sp_record_named(area, SP_EVENT_QUESTION, length);
	return verdict == SP_DENY ? SP_QUESTION_DROP : SP_QUESTION_PASS;
}

/* A message on port 53 that is no question which can be read: the default of phase dns, and no rule, speaks about it. */
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
	s->reason = SP_UNREADABLE;
	area->named.query_type = area->named.query_id = 0;
	area->named.flags = 0;
	sp_record_named(area, SP_EVENT_QUESTION, 0);
	return sp_verdict_of(s) == SP_DENY ? SP_DROP : SP_PASS;
}

static __always_inline int sp_egress_dns(struct __sk_buff *skb, struct sp_packet *p, struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	bool trusted = sp_is_resolver(s->remote);

	if (!trusted && sp_egress_flow(skb, p, s, true) == SP_DROP)
		return SP_DROP;
	switch (sp_judge_question(skb, area, p->payload, trusted)) {
	case SP_QUESTION_PASS:
		return SP_PASS;
	case SP_QUESTION_DROP:
		return sp_drop(skb);
	default:
		if (sp_judge_unreadable(area) == SP_DROP)
			return sp_drop(skb);
		if (!trusted)
			return SP_PASS;
		s->phase = SP_PHASE_CONNECT; /* a trusted resolver is excused for DNS only */
		s->flags |= SP_JUDGE_NOT_DNS;
		return sp_egress_flow(skb, p, s, false);
	}
}

#endif
