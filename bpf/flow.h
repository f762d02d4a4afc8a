/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Everything but TCP at egress: judged once a flow. */
#ifndef SALLYPORT_FLOW_H
#define SALLYPORT_FLOW_H

#include "traffic.h"

/* RFC 4861 neighbour discovery, RFC 3810 MLD, RFC 3376 IGMP, answers to echo and errors: the kernel's own sockets send them. A user's
 * raw socket is not the kernel's, whatever it sends. */
static __always_inline bool sp_is_kernel_control(struct bpf_sock *sk, const struct sp_packet *p)
{
	struct sock *kernel_sk;

	if (p->protocol != IPPROTO_ICMP && p->protocol != IPPROTO_ICMPV6 && p->protocol != IPPROTO_IGMP &&
	    !(p->protocol == IPPROTO_TCP && p->payload == p->end))
		return false;
	kernel_sk = sp_plain(sk);
	return BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_kern_sock);
}

static __always_inline void sp_flow_key_of(struct sp_flow_key *key, __u64 cookie, const __u64 *remote, __u16 port, __u8 protocol)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = cookie;
	__builtin_memcpy(key->remote, remote, 16);
	key->remote_port = port;
	key->protocol = protocol;
}

static __always_inline void sp_flow_out(struct sp_flow *flow, const struct sp_packet *p)
{
	flow->last = bpf_ktime_get_ns();
	flow->local_port = p->source_port;
	__sync_fetch_and_add(&flow->packets_out, 1);
	__sync_fetch_and_add(&flow->bytes_out, p->end - p->payload);
}

__noinline int sp_egress_flow(struct __sk_buff *skb, struct sp_packet *p, struct sp_subject *s, bool readable)
{
	struct sp_flow fresh = {}, *flow;
	struct sp_flow_key key;
	__u8 verdict;

	if (!p || !s)
		return SP_DROP;
	sp_flow_key_of(&key, s->cookie, s->remote, s->remote_port, s->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && (flow->flags & SP_FLOW_INBOUND || flow->generation == sp_generation())) {
		if (flow->verdict == SP_DENY)
			return sp_drop(skb);
		sp_flow_out(flow, p);
		return SP_PASS;
	}
	sp_decide(s);
	if (!readable && s->action == SP_DENY && s->reason == SP_BY_DEFAULT)
		s->reason = SP_UNREADABLE;
	verdict = sp_verdict_of(s);
	if (!flow || flow->verdict != verdict)
		sp_record_connect(s);
	if (!flow) {
		fresh.first = bpf_ktime_get_ns();
		fresh.flags = SP_FLOW_REPORTED;
		fresh.verdict = verdict;
		fresh.generation = s->generation;
		if (bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
		flow = bpf_map_lookup_elem(&flows, &key);
	} else {
		flow->verdict = verdict;
		flow->generation = s->generation;
	}
	if (verdict == SP_DENY)
		return sp_drop(skb);
	if (flow)
		sp_flow_out(flow, p);
	return SP_PASS;
}

#endif
