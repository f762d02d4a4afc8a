/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The consequences of a ClientHello for its flow, and DTLS: phase tls for each ClientHello. */
#ifndef SALLYPORT_TRAFFIC_DTLS_FLOW_H
#define SALLYPORT_TRAFFIC_DTLS_FLOW_H

#include "../parse/dtls.h"
#include "flow_key.h"
#include "hello_verdict.h"

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

/* Applies the judgement of a ClientHello to its flow. SP_DROP: the flow is denied from now on. */
static __always_inline int sp_flow_conclude(struct sp_flow *flow, struct sp_subject *s)
{
	if (s->action != SP_DENY)
		return SP_PASS;
	flow->verdict = sp_verdict_of(s);
	flow->epoch = s->epoch;
	if (flow->verdict != SP_DENY)
		return SP_PASS;
	flow->flags |= SP_FLOW_NAME_DENIED;
	return SP_DROP;
}

/* Judges a datagram that a server may take for any ClientHello. If it passes, so do the following ones. */
static __always_inline int sp_judge_unread_datagram(struct sp_scratch *area, struct sp_flow *flow)
{
	area->hello = SP_HELLO_BROKEN;
	area->text.name_length = 0;
	area->text.flags = 0;
	sp_judge_hello(area, flow->epoch, flow->flags & SP_FLOW_MUST_BE_NAMED);
	if (sp_flow_conclude(flow, &area->subject) == SP_DROP)
		return SP_DROP;
	flow->flags |= SP_FLOW_UNREAD;
	if (area->subject.action == SP_ALLOW)
		flow->flags &= ~SP_FLOW_MUST_BE_NAMED;
	return SP_PASS;
}

/* Returns an enum sp_hello_result. Separate from the verdict, because reading needs most of the stack. */
__noinline int sp_read_dtls(struct __sk_buff *skb, struct sp_scratch *area, __u32 at)
{
	struct sp_dtls_walk walk = {.hello.bytes = {.packet = skb, .end = skb->len}};

	if (!area)
		return SP_HELLO_BROKEN;
	walk.hello.bytes.window = &area->window;
	walk.hello.hello = &area->reader.tls.hello;
	walk.hello.text = &area->text;
	walk.hello.cursor = &area->cursor;
	walk.dtls = &area->dtls;
	area->hello = sp_dtls_read(&walk, at);
	return area->hello;
}

/* Judges the ClientHello in a datagram that begins with a DTLS record, if there is one. */
static __always_inline int sp_egress_dtls(struct __sk_buff *skb, const struct sp_packet *p, struct sp_scratch *area,
					  struct sp_flow *flow)
{
	if (sp_read_dtls(skb, area, p->payload) == SP_HELLO_NONE)
		return SP_PASS;
	sp_judge_hello(area, flow->epoch, flow->flags & SP_FLOW_MUST_BE_NAMED);
	if (sp_flow_conclude(flow, &area->subject) == SP_DROP)
		return SP_DROP;
	if (area->subject.action == SP_ALLOW)
		flow->flags &= ~SP_FLOW_MUST_BE_NAMED;
	sp_flow_add_name(flow, area->subject.name_hash, area->subject.bound);
	return SP_PASS;
}

#endif
