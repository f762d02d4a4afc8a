/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Egress of everything except TCP, judged once for each flow. */
#ifndef SALLYPORT_TRAFFIC_FLOW_H
#define SALLYPORT_TRAFFIC_FLOW_H

#include "begun.h"
#include "untrusted_address.h"
#include "quic_flow.h"

enum sp_flow_known { SP_FLOW_DROP = SP_DROP, SP_FLOW_PASS = SP_PASS, SP_FLOW_JUDGE };

/* True for neighbour discovery (RFC 4861), MLD (RFC 3810), IGMP (RFC 3376), echo replies and errors that the kernel's
 * own sockets send. A raw socket of user space is not one of them, whatever it sends. */
static __always_inline bool sp_is_kernel_control(struct bpf_sock *sk, const struct sp_packet *p)
{
	struct sock *kernel_sk;

	if (p->protocol != IPPROTO_ICMP && p->protocol != IPPROTO_ICMPV6 && p->protocol != IPPROTO_IGMP &&
	    !(p->protocol == IPPROTO_TCP && p->payload == p->end))
		return false;
	kernel_sk = sp_untyped(sk);
	return BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_kern_sock);
}

/* The fast path for datagrams of a judged UDP flow: one look-up, unless the datagram may hold a ClientHello. */
__noinline int sp_egress_known(struct __sk_buff *skb, const struct sp_packet *p)
{
	struct sp_flow_key key;
	struct sp_flow *flow;

	if (!p)
		return SP_FLOW_DROP;
	sp_flow_key_of(&key, bpf_get_socket_cookie(skb), p->destination, p->destination_port, p->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || (!sp_is_response(skb, flow) && flow->epoch != sp_epoch_in_force()))
		return SP_FLOW_JUDGE;
	if (flow->verdict == SP_DENY)
		return sp_drop(skb);
	if (sp_datagram_due(skb, p, flow))
		return SP_FLOW_JUDGE;
	sp_flow_out(flow, p);
	return SP_FLOW_PASS;
}

/* Judges a TCP stream that does not come from a TCP socket, and fragments whose ports are in another packet. A
 * ClientHello or request in them is not read, so phases tls and http must both allow them without a name. */
__noinline int sp_judge_unread(struct sp_subject *s)
{
	struct sp_choice connect;
	__u64 name;

	if (!s)
		return 0;
	name = s->name_hash;
	sp_save_choice(&connect, s);
	if (s->must_be_named) {
		s->action = SP_DENY;
		s->reason = SP_NOT_TLS;
		s->rule = SP_NO_RULE;
		return 0;
	}
	for (__u8 phase = SP_PHASE_TLS; phase <= SP_PHASE_HTTP; phase++) {
		s->phase = phase;
		s->name_hash = 0;
		sp_decide(s);
		if (s->action != SP_DENY)
			continue;
		if (s->reason == SP_BY_DEFAULT)
			s->reason = SP_UNREADABLE;
		return 0;
	}
	s->phase = SP_PHASE_CONNECT;
	s->name_hash = name;
	sp_restore_choice(s, &connect);
	return 0;
}

/* Judges a flow that connect allows under a new policy by the names that it was opened for. */
__noinline int sp_judge_names(struct sp_subject *s, const struct sp_flow *flow)
{
	if (!s || !flow)
		return 0;
	for (__u32 i = 0; i < SP_FLOW_NAMES; i++) {
		if (i >= flow->named)
			break;
		s->phase = SP_PHASE_TLS;
		s->name_hash = flow->names[i];
		s->flags &= ~SP_JUDGE_BOUND;
		if (flow->bound >> i & 1)
			s->flags |= SP_JUDGE_BOUND;
		sp_decide(s);
		if (s->action == SP_DENY)
			break;
	}
	return 0;
}

static __always_inline void sp_note_begun_flow(struct __sk_buff *skb, const struct sp_flow_key *key)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (sk)
		sp_note_begun(sk, key);
}

/* Phase connect, once for each flow and epoch. */
__noinline int sp_egress_flow(struct __sk_buff *skb, struct sp_packet *p, struct sp_subject *s, bool readable)
{
	static const struct sp_flow fresh = {.flags = SP_FLOW_REPORTED};
	struct sp_flow_key key;
	struct sp_flow *flow;
	bool must_be_named;
	__u8 verdict;

	if (!p || !s)
		return SP_DROP;
	sp_flow_key_of(&key, s->cookie, s->remote, s->remote_port, s->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && (sp_is_response(skb, flow) || flow->epoch == sp_epoch_in_force()))
		return flow->verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
	if (flow && flow->verdict != SP_DENY)
		s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (!readable && s->action == SP_DENY && s->reason == SP_BY_DEFAULT)
		s->reason = SP_UNREADABLE;
	if (s->action != SP_DENY && (!p->readable || p->protocol == IPPROTO_TCP))
		sp_judge_unread(s);
	must_be_named = s->must_be_named && !(flow && flow->named);
	if (s->action != SP_DENY && flow && flow->named)
		sp_judge_names(s, flow);
	verdict = sp_verdict_of(s);
	if (!flow || flow->verdict != verdict)
		sp_record_connect(s);
	if (verdict != SP_DENY && s->protocol == IPPROTO_UDP)
		sp_note_begun_flow(skb, &key);
	if (!flow) {
		if (bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
		flow = bpf_map_lookup_elem(&flows, &key);
	}
	if (flow) {
		if (!flow->first)
			flow->first = bpf_ktime_get_ns();
		s->must_be_named = must_be_named;
		sp_flow_judged(flow, s, verdict);
	}
	s->phase = SP_PHASE_CONNECT;
	return verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

/* Counts a packet that passes. */
__noinline int sp_count_flow(struct sp_packet *p, __u64 cookie)
{
	struct sp_flow_key key;
	struct sp_flow *flow;

	if (!p)
		return 0;
	sp_flow_key_of(&key, cookie, p->destination, p->destination_port, p->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow)
		sp_flow_out(flow, p);
	return 0;
}

#endif
