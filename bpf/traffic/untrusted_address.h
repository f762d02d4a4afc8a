/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Packets whose addresses do not show where they go (a source route) or where they come from. The latter have a source
 * that this host need not have. On this host they could look like an inbound flow or a resolver's answer, and at a
 * resolver they send its answer to that source. */
#ifndef SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H
#define SALLYPORT_TRAFFIC_UNTRUSTED_ADDRESS_H

#include "asked_address.h"
#include "local.h"

/* True if the socket may choose a source address that the host does not have. IPv4 looks for the source among the
 * host's addresses at each send, except for raw and transparent sockets (ip_route_output_key_hash_rcu). */
static __always_inline bool sp_can_choose_source(struct __sk_buff *skb, struct bpf_sock *sk)
{
	__u32 flags;

	if (sk->type == SOCK_RAW)
		return true;
	flags = sp_inet_flags(sp_untyped(sk));
	return flags & SP_INET_TRANSPARENT || (flags & SP_INET_FREEBIND && skb->protocol == bpf_htons(ETH_P_IPV6));
}

/* True if the packet returns to this host. Multicast to ff00::/8 returns to sockets that joined the group. */
static __always_inline bool sp_is_delivered_locally(struct __sk_buff *skb, const struct sp_packet *p)
{
	return sp_stays_here(skb) || (p->protocol == IPPROTO_UDP && (p->destination[0] & 0xff) == 0xff);
}

static __always_inline bool sp_is_question(const struct sp_packet *p)
{
	return p->protocol == IPPROTO_UDP && p->destination_port == SP_DNS_PORT;
}

/* True if this socket may have chosen a source that is not the host's. 127.0.0.0/8, ::1 and the destination itself are
 * the host's own, but with them a raw socket can forge the packets of another socket. */
static __always_inline bool sp_may_be_forged(struct __sk_buff *skb, struct bpf_sock *sk, const struct sp_packet *p)
{
	bool own = (p->source[0] == p->destination[0] && p->source[1] == p->destination[1]) ||
		   sp_is_loopback(p->source);

	if (own && (sk->type != SOCK_RAW || (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_TCP)))
		return false;
	return sp_can_choose_source(skb, sk);
}

/* Like sp_read_packet(), for egress. The destination of DNS is the one that the program asked for. Also sets
 * untrusted_address for a source that may be forged, where it deceives a program of this host or redirects an
 * answer. */
__noinline int sp_read_sent(struct __sk_buff *skb, struct sp_packet *p)
{
	struct bpf_sock *sk = skb->sk;
	int result;

	if (!p || !sk)
		return -1;
	result = sp_read_packet(skb, p);
	sp_read_asked(skb, p);
	if (!sp_is_delivered_locally(skb, p) && !sp_is_question(p))
		return result;
	sk = bpf_sk_fullsock(sk);
	if (sk && sp_may_be_forged(skb, sk, p))
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
	sp_deny_connect(s, SP_UNREADABLE);
	return sp_verdict_of(s) == SP_DENY ? sp_drop(skb) : SP_PASS;
}

#endif
