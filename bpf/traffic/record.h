/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The consequences of a decision, the same for every hook: counters, event, verdict. */
#ifndef SALLYPORT_TRAFFIC_RECORD_H
#define SALLYPORT_TRAFFIC_RECORD_H

#include "../decide/scratch.h"

static __always_inline __u8 sp_verdict_of(const struct sp_subject *s)
{
	if (s->action != SP_DENY)
		return SP_ALLOW;
	return s->mode == SP_MODE_ENFORCE ? SP_DENY : SP_WOULD_DENY;
}

/* A denied connect() has returned its errno. A socket that egress denies waits for the daemon to end it, so that event
 * is urgent. */
static __always_inline enum sp_weight sp_weight_of(const struct sp_subject *s)
{
	__u8 verdict = sp_verdict_of(s);

	if (verdict == SP_ALLOW)
		return SP_ORDINARY;
	if (verdict == SP_DENY && s->protocol == IPPROTO_TCP &&
	    (s->hook == SP_HOOK_EGRESS || s->hook == SP_HOOK_INGRESS))
		return SP_URGENT;
	return SP_DENIAL;
}

static __always_inline void sp_count_rule(const struct sp_subject *s, __u16 rule, bool observed)
{
	__u32 zero = 0, row;
	void *rows = bpf_map_lookup_elem(&policy, &zero);
	struct sp_rule_count *count;
	__u16 *slots;

	if (!rows || (__u64)rows != s->policy)
		return;
	row = s->head.slots_row + rule / SP_SLOTS_PER_ROW;
	slots = bpf_map_lookup_elem(rows, &row);
	if (!slots)
		return;
	row = (__u32)slots[rule % SP_SLOTS_PER_ROW] * SP_PHASES + s->phase % SP_PHASES;
	count = bpf_map_lookup_elem(&rules, &row);
	if (count)
		__sync_fetch_and_add(observed ? &count->observed : &count->enforced, 1);
}

static __always_inline void sp_count_decision(const struct sp_subject *s)
{
	__u8 verdict = sp_verdict_of(s);
	__u8 row = verdict == SP_ALLOW && s->mode == SP_MODE_OBSERVE ? 0 : verdict;

	sp_count(SP_COUNT_DECISION + (s->phase % SP_PHASES * SP_VERDICTS + row) * SP_REASONS + s->reason % SP_REASONS);
	if (s->rule != SP_NO_RULE)
		sp_count_rule(s, s->rule, verdict == SP_WOULD_DENY);
	if (s->alert != SP_NO_RULE) {
		sp_count(SP_COUNT_ALERT + s->phase % SP_PHASES);
		sp_count_rule(s, s->alert, false);
	}
}

static __always_inline void sp_fill(struct sp_decision *d, const struct sp_subject *s, __u8 type, __u16 size, __u64 now)
{
	sp_event_head(&d->head, type, size, now);
	d->head.tgid = s->tgid;
	d->head.cookie = s->cookie;
	d->head.start = s->start;
	d->head.cgroup = s->cgroup;
	d->uid = s->uid;
	d->generation = s->generation;
	d->rule = s->rule;
	d->alert = s->alert;
	d->phase = s->phase;
	d->verdict = sp_verdict_of(s);
	d->reason = s->reason;
	d->hook = s->hook;
	__builtin_memcpy(d->remote, s->remote, 16);
	__builtin_memcpy(d->local, s->local, 16);
	d->remote_port = s->remote_port;
	d->local_port = s->local_port;
	d->protocol = s->protocol;
	d->action = s->action;
	d->name_len = 0;
	d->name_hash = s->name_hash;
	d->netns = s->netns;
	__builtin_memcpy(d->comm, s->comm, sizeof(d->comm));
	d->reserved = 0;
}

/* Stores the verdict of the policy in force in the flow. */
static __always_inline void sp_flow_judged(struct sp_flow *flow, const struct sp_subject *s, __u8 verdict)
{
	flow->verdict = verdict;
	flow->epoch = s->epoch;
	flow->flags &=
		~(SP_FLOW_INBOUND | SP_FLOW_LOCAL | SP_FLOW_NAME_DENIED | SP_FLOW_MUST_BE_NAMED | SP_FLOW_UNREAD);
	if (s->phase == SP_PHASE_TLS && verdict == SP_DENY)
		flow->flags |= SP_FLOW_NAME_DENIED;
	if (s->must_be_named)
		flow->flags |= SP_FLOW_MUST_BE_NAMED;
}

/* Counts and reports a decision of phase connect. */
__noinline int sp_record_connect(struct sp_subject *s)
{
	__u64 now = bpf_ktime_get_ns();
	struct sp_decision *d = NULL;
	enum sp_weight weight;

	if (!s)
		return 0;
	sp_count_decision(s);
	weight = sp_weight_of(s);
	if (sp_has_room(weight, s->cgroup))
		d = bpf_ringbuf_reserve(&events, sizeof(*d), 0);
	if (!d) {
		sp_count(SP_COUNT_LOST + SP_EVENT_CONNECT);
		return 0;
	}
	sp_fill(d, s, SP_EVENT_CONNECT, sizeof(*d), now);
	bpf_ringbuf_submit(d, sp_wakeup_flag(now, weight));
	sp_count(SP_COUNT_EVENT + SP_EVENT_CONNECT);
	return 0;
}

/* Counts and reports a decision about the name in area->name.raw: a question or a ClientHello. */
__noinline int sp_record_named(struct sp_scratch *area, __u32 type, __u32 name_length)
{
	__u64 now = bpf_ktime_get_ns();
	struct sp_subject *s;

	if (!area)
		return 0;
	s = &area->subject;
	sp_count_decision(s);
	sp_fill(&area->named.decision, s, type, sizeof(area->named), now);
	area->named.decision.name_len = name_length;
	__builtin_memcpy(area->named.name, area->name.raw, SP_NAME_MAX);
	sp_emit(&area->named, sizeof(area->named), type, now, sp_weight_of(s));
	return 0;
}

#endif
