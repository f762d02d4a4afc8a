/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Packets whose addresses do not show where they go (a source route) or where they come from. The latter are packets to
 * this host with a source that the host need not have: they could look like an inbound flow or a resolver's answer. */
#ifndef SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H
#define SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H

#include "traffic.h"

/* True if the socket may send from addresses that the host does not have. */
static __always_inline bool sp_can_bind_nonlocal(struct bpf_sock *sk)
{
	return sk->type == SOCK_RAW || sp_inet_can_bind_nonlocal(sp_untyped(sk));
}

/* True if the packet returns to this host. Multicast to ff00::/8 returns to sockets that joined the group. */
static __always_inline bool sp_is_delivered_locally(struct __sk_buff *skb, const struct sp_packet *p)
{
	return skb->ifindex == LOOPBACK_IFINDEX || (p->protocol == IPPROTO_UDP && (p->destination[0] & 0xff) == 0xff);
}

/* Like sp_read_packet(), for egress. Also sets untrusted_address if the packet returns to this host from a source that
 * the host need not have. 127.0.0.0/8, ::1 and the destination itself are trusted. */
__noinline int sp_read_sent(struct __sk_buff *skb, struct sp_packet *p)
{
	struct bpf_sock *sk = skb->sk;
	int result;

	if (!p || !sk)
		return -1;
	result = sp_read_packet(skb, p);
	if (!sp_is_delivered_locally(skb, p) ||
	    (p->source[0] == p->destination[0] && p->source[1] == p->destination[1]) || sp_is_loopback(p->source))
		return result;
	sk = bpf_sk_fullsock(sk);
	if (sk && sp_can_bind_nonlocal(sk))
		p->untrusted_address = 1;
	return result;
}

/* Rules are about addresses, so such a packet passes only if the default of phase connect is allow. */
__noinline int sp_judge_untrusted_address(struct __sk_buff *skb, struct sp_subject *s)
{
	struct sp_policy_head *head = sp_policy_in_force();

	if (!s)
		return SP_DROP;
	if (!head || head->defaults[SP_PHASE_CONNECT] != SP_DENY)
		return SP_PASS;
	sp_decide(s);
	s->action = SP_DENY;
	s->reason = SP_UNREADABLE;
	s->rule = SP_NO_RULE;
	sp_record_connect(s);
	return sp_verdict_of(s) == SP_DENY ? sp_drop(skb) : SP_PASS;
}

#endif
