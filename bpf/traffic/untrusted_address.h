/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Packets whose addresses do not say where they go (a source route), or where they come from (the host talks to itself in another's
 * name, and takes what it sent for the beginning of an inbound flow, or for a resolver's answer). */
#ifndef SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H
#define SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H

#include "traffic.h"

/* May the socket send from addresses that are not the host's? */
static __always_inline bool sp_can_bind_nonlocal(struct bpf_sock *sk)
{
	return sk->type == SOCK_RAW || sp_inet_can_bind_nonlocal(sp_untyped(sk));
}

static __always_inline bool sp_is_loopback(const __u64 *address)
{
	return address[0] == 0 && (sp_is_v4(address) ? (address[1] >> 32 & 0xff) == 127 : address[1] == (__u64)bpf_htonl(1) << 32);
}

/* Does the packet come back to this host? ff00::/8 comes back to who has joined it. */
static __always_inline bool sp_is_delivered_locally(struct __sk_buff *skb, const struct sp_packet *p)
{
	return skb->ifindex == LOOPBACK_IFINDEX || (p->protocol == IPPROTO_UDP && (p->destination[0] & 0xff) == 0xff);
}

/* sp_read_packet(), of a packet that is sent: also astray if it comes back to this host, from an address that need not be the host's.
 * 127.0.0.0/8, ::1 and the destination itself are. */
__noinline int sp_read_sent(struct __sk_buff *skb, struct sp_packet *p)
{
	struct bpf_sock *sk = skb->sk;
	int result;

	if (!p || !sk)
		return -1;
	result = sp_read_packet(skb, p);
	if (!sp_is_delivered_locally(skb, p) || (p->source[0] == p->destination[0] && p->source[1] == p->destination[1]) || sp_is_loopback(p->source))
		return result;
	sk = bpf_sk_fullsock(sk);
	if (sk && sp_can_bind_nonlocal(sk))
		p->untrusted_address = 1;
	return result;
}

/* What is astray passes only where phase connect denies nothing by default: rules speak of addresses. */
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
