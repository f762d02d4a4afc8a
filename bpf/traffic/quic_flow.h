/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* QUIC in a flow: phase tls for each ClientHello, and what may be sent before it is complete. See
 * docs/decisions/0007-quic.md. */
#ifndef SALLYPORT_TRAFFIC_QUIC_FLOW_H
#define SALLYPORT_TRAFFIC_QUIC_FLOW_H

#include "flow_key.h"
#include "hello_verdict.h"
#include "quic_reading.h"

#define SP_QUIC_HALF_MAX 4 /* connections of a flow */
#define SP_QUIC_HALF_DATAGRAMS 16 /* for each of them */
#define SP_QUIC_HALF_NS (10 * SP_NS_PER_S)
#define SP_QUIC_JUDGED_MAX 8 /* in one skb */

/* True if the datagram begins like a QUIC long header of a known version, or of a new unknown one. Other protocols have
 * such first bytes too, but rarely a known version after them. */
static __always_inline bool sp_quic_is_long(struct __sk_buff *skb, __u32 at, __u32 length, const struct sp_flow *flow)
{
	__u8 head[5];

	if (bpf_skb_load_bytes(skb, at, head, 1) || !(head[0] & SP_QUIC_LONG) ||
	    bpf_skb_load_bytes(skb, at, head, sizeof(head)))
		return false;
	if (sp_quic_salt(sp_be32(head + 1)) >= 0)
		return true;
	return head[0] & SP_QUIC_FIXED && length >= SP_QUIC_UNKNOWN_MIN && !(flow->flags & SP_FLOW_UNREAD);
}

struct sp_quic_segments {
	struct __sk_buff *skb;
	const struct sp_flow *flow;
	__u32 at, end, segment;
	bool found;
};

static long sp_quic_segment_step(__u32 i, void *state)
{
	struct sp_quic_segments *s = state;

	(void)i;
	if (s->at >= s->end)
		return 1;
	s->found = sp_quic_is_long(s->skb, s->at, s->segment, s->flow);
	s->at += s->segment;
	return s->found;
}

/* True if the QUIC reader must see the datagram. Reads one byte of each, and four more if the first one has the high
 * bit set. */
__noinline bool sp_quic_is_due(struct __sk_buff *skb, const struct sp_packet *p, const struct sp_flow *flow)
{
	struct sp_quic_segments s = {.skb = skb, .flow = flow, .segment = skb->gso_size};

	if (!p || !flow || flow->flags & SP_FLOW_INBOUND)
		return false;
	s.at = p->payload;
	s.end = p->end;
	if (flow->half_read || flow->flags & SP_FLOW_MUST_BE_NAMED)
		return true;
	if (!s.segment)
		return sp_quic_is_long(skb, p->payload, p->end - p->payload, flow);
	bpf_loop(SP_QUIC_PACKETS_MAX, sp_quic_segment_step, &s, 0);
	return s.found;
}

static __always_inline void sp_flow_add_name(struct sp_flow *flow, __u64 name, bool bound)
{
	for (__u32 i = 0; i < SP_FLOW_NAMES; i++) {
		if (i < flow->named && flow->names[i] != name)
			continue;
		if (i == flow->named)
			flow->named = i + 1;
		flow->names[i] = name;
		flow->bound = (flow->bound & ~(1 << i)) | bound << i;
		return;
	}
	flow->names[SP_FLOW_NAMES - 1] = 0;
	flow->bound &= ~(1 << (SP_FLOW_NAMES - 1));
}

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
static __always_inline void sp_quic_judge(struct sp_scratch *area, __u32 step, __u32 generation)
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
	sp_judge_hello(area, generation);
}

/* Applies the judgement of a ClientHello to its flow. SP_DROP: the flow is denied from now on. */
static __always_inline int sp_quic_conclude(struct sp_flow *flow, struct sp_subject *s)
{
	if (s->action != SP_DENY)
		return SP_PASS;
	flow->verdict = sp_verdict_of(s);
	flow->generation = s->generation;
	if (flow->verdict != SP_DENY)
		return SP_PASS;
	flow->flags |= SP_FLOW_NAME_DENIED;
	return SP_DROP;
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
		sp_quic_judge(area, r->step, flow->generation);
		if (sp_quic_conclude(flow, &area->subject) == SP_DROP)
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

/* Reads each packet with a long header in a datagram of a flow that connect allows. */
__noinline int sp_egress_quic(struct __sk_buff *skb, struct sp_packet *p, struct sp_scratch *area)
{
	struct sp_quic_reading *r;
	struct sp_flow *flow;
	int verdict = SP_PASS;

	if (!p || !area)
		return SP_DROP;
	r = sp_quic_reading_of(area);
	if (!r)
		return SP_DROP;
	sp_flow_key_of(&r->flow, area->subject.cookie, p->destination, p->destination_port, p->protocol);
	flow = bpf_map_lookup_elem(&flows, &r->flow);
	if (!flow)
		return sp_drop(skb);
	if (sp_quic_is_due(skb, p, flow)) {
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
