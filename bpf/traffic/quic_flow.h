/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* QUIC in a flow: phase tls for each ClientHello, and what may be sent before it is complete. See
 * docs/decisions/0007-quic.md. */
#ifndef SALLYPORT_TRAFFIC_QUIC_FLOW_H
#define SALLYPORT_TRAFFIC_QUIC_FLOW_H

#include "datagram_due.h"
#include "dtls_flow.h"
#include "quic_reading.h"

#define SP_QUIC_HALF_MAX 4 /* connections of a flow */
#define SP_QUIC_HALF_DATAGRAMS 16 /* for each of them */
#define SP_QUIC_HALF_NS (10 * SP_NS_PER_S)
#define SP_QUIC_JUDGED_MAX 8 /* in one skb */

/* Records a denial that no policy can override, because the data read so far cannot be judged. */
static __always_inline void sp_quic_deny(struct sp_scratch *area, __u8 reason)
{
	struct sp_subject *s = &area->subject;

	s->phase = SP_PHASE_TLS;
	s->name_hash = 0;
	sp_decide(s);
	if (s->reason == SP_NO_POLICY)
		return;
	s->action = SP_DENY;
	s->reason = reason;
	s->rule = SP_NO_RULE;
	area->named.flags = area->named.query_type = area->named.query_id = 0;
	sp_record_named(area, SP_EVENT_HELLO, 0);
}

/* Judges the result of a step. The subject holds the decision. */
static __always_inline void sp_quic_judge(struct sp_scratch *area, __u32 step, const struct sp_flow *flow)
{
	if (step == SP_STEP_END || step == SP_STEP_STRANGE || step == SP_STEP_BROKEN) {
		sp_quic_deny(area, step == SP_STEP_END ? SP_NOT_TLS : SP_UNREADABLE);
		return;
	}
	if (step != SP_STEP_HELLO) {
		area->hello = step == SP_STEP_UNREAD ? SP_HELLO_UNREAD : SP_HELLO_CUT;
		area->text.name_length = 0;
		area->text.flags = 0;
	}
	sp_judge_hello(area, flow->epoch, flow->flags & SP_FLOW_MUST_BE_NAMED);
}

static __always_inline void sp_quic_half_more(struct sp_flow *flow)
{
	if (flow->half_read++ == 0) {
		flow->half_since = bpf_ktime_get_ns();
		flow->half_datagrams = 1;
	}
}

static __always_inline bool sp_quic_half_over_limit(const struct sp_flow *flow)
{
	return flow->half_read > SP_QUIC_HALF_MAX || flow->half_datagrams > SP_QUIC_HALF_DATAGRAMS * flow->half_read ||
	       bpf_ktime_get_ns() - flow->half_since > SP_QUIC_HALF_NS;
}

enum sp_quic_todo { SP_QUIC_DROP = SP_DROP, SP_QUIC_PASS = SP_PASS, SP_QUIC_GO_ON, SP_QUIC_JUDGE };

/* Holds back data that only an allowed connection may send while a ClientHello is incomplete. Mode observe holds
 * nothing back. */
static __always_inline enum sp_quic_todo sp_quic_finish(const struct sp_flow *flow, const struct sp_quic_reading *r)
{
	struct sp_policy_head *head = sp_policy_in_force();
	struct sp_quic_connection *c;

	if (!head || head->mode != SP_MODE_ENFORCE || !(r->seen & (SP_SEEN_EARLY | SP_SEEN_OTHER)))
		return SP_QUIC_PASS;
	if (flow->flags & SP_FLOW_MUST_BE_NAMED)
		return SP_QUIC_JUDGE;
	if (flow->half_read)
		return SP_QUIC_DROP;
	if (!(r->seen & SP_SEEN_EARLY))
		return SP_QUIC_PASS;
	for (__u32 i = 0; i < SP_QUIC_WAYS; i++) {
		c = sp_quic_way(r->bucket, i);
		if (c && sp_quic_is_of(c, &r->flow))
			c->early = 1;
	}
	return SP_QUIC_PASS;
}

static __always_inline enum sp_quic_todo sp_quic_act(struct sp_flow *flow, const struct sp_quic_reading *r, __u32 step)
{
	switch (step) {
	case SP_STEP_END:
		return sp_quic_finish(flow, r);
	case SP_STEP_WHOLE:
		if (flow->half_read > 0)
			flow->half_read--;
		return SP_QUIC_GO_ON;
	case SP_STEP_HALF:
		sp_quic_half_more(flow);
		if (!sp_quic_half_over_limit(flow) && !(flow->flags & SP_FLOW_EVICTED))
			return SP_QUIC_GO_ON;
		flow->half_read = 0;
		return SP_QUIC_JUDGE;
	case SP_STEP_LATE:
		flow->half_read = 0;
		return SP_QUIC_JUDGE;
	case SP_STEP_STRANGE: /* possibly of an evicted connection: this datagram is dropped, the flow continues */
		return flow->named ? SP_QUIC_DROP : SP_QUIC_JUDGE;
	default:
		return SP_QUIC_JUDGE;
	}
}

static __always_inline int sp_quic_read_all(struct __sk_buff *skb, struct sp_scratch *area, struct sp_flow *flow,
					    struct sp_quic_reading *r)
{
	enum sp_quic_todo todo;

	if (flow->half_read) {
		flow->half_datagrams++;
		r->late = sp_quic_half_over_limit(flow);
	}
	for (int i = 0; i < SP_QUIC_JUDGED_MAX; i++) {
		sp_quic_read_on(skb, area);
		todo = sp_quic_act(flow, r, r->step);
		if (todo == SP_QUIC_GO_ON)
			continue;
		if (todo != SP_QUIC_JUDGE)
			return todo;
		sp_quic_judge(area, r->step, flow);
		if (sp_flow_conclude(flow, &area->subject) == SP_DROP)
			return SP_DROP;
		if (r->step == SP_STEP_END)
			return SP_PASS;
		if (area->subject.action == SP_ALLOW)
			flow->flags &= ~SP_FLOW_MUST_BE_NAMED;
		if (r->step == SP_STEP_HELLO)
			sp_flow_add_name(flow, area->subject.name_hash, area->subject.bound);
		if (r->step == SP_STEP_UNREAD)
			flow->flags |= SP_FLOW_UNREAD;
	}
	return SP_DROP; /* no client sends this many together */
}

/* Phase tls for a datagram of a flow that connect allows. In QUIC each packet with a long header is read. */
__noinline int sp_egress_hello(struct __sk_buff *skb, struct sp_packet *p, struct sp_scratch *area)
{
	struct sp_quic_reading *r;
	struct sp_flow *flow;
	int verdict = SP_PASS, due;

	if (!p || !area)
		return SP_DROP;
	r = sp_quic_reading_of(area);
	if (!r)
		return SP_DROP;
	sp_flow_key_of(&r->flow, area->subject.cookie, p->destination, p->destination_port, p->protocol);
	flow = bpf_map_lookup_elem(&flows, &r->flow);
	if (!flow)
		return sp_drop(skb);
	due = sp_datagram_due(skb, p, flow);
	if (due & SP_DUE_UNREAD)
		verdict = sp_judge_unread_datagram(area, flow);
	else if (due & SP_DUE_DTLS)
		verdict = sp_egress_dtls(skb, p, area, flow);
	if (verdict != SP_DROP && due & SP_DUE_QUIC) {
		r->bucket = sp_quic_bucket(&r->flow);
		r->at = p->payload;
		r->total = p->end;
		r->segment = skb->gso_size ? skb->gso_size : p->end - p->payload;
		r->end = min(p->payload + r->segment, p->end);
		r->way = r->seen = r->late = 0;
		if (!sp_quic_lock(r->bucket))
			return sp_drop(skb);
		verdict = sp_quic_read_all(skb, area, flow, r);
		sp_quic_unlock(r->bucket);
	}
	if (verdict == SP_DROP)
		return sp_drop(skb);
	return SP_PASS;
}

#endif
