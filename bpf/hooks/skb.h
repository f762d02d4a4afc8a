/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Hooks that see every packet. Egress is the authority: it judges everything that no connect hook has judged, and reads
 * names. Ingress learns from DNS answers, and which flows the peer opened. */
#ifndef SALLYPORT_HOOKS_SKB_H
#define SALLYPORT_HOOKS_SKB_H

#include "../traffic/answer.h"
#include "../traffic/dns_tcp_answer.h"
#include "../traffic/flow.h"
#include "../traffic/inbound.h"
#include "../traffic/question.h"
#include "../traffic/dns_tcp_question.h"
#include "../traffic/stream.h"

static __always_inline int sp_egress_other(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_socket *socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct sp_scratch *area;
	struct sp_packet p;
	bool readable = sp_read_sent(skb, &p) == 0;
	bool is_udp, is_dns;
	int verdict;

	if (sp_is_kernel_control(sk, &p))
		return SP_PASS;
	is_dns = p.destination_port == SP_DNS_PORT;
	is_udp = readable && p.protocol == IPPROTO_UDP;
	if (is_udp && !is_dns && !p.untrusted_address) {
		verdict = sp_egress_known(skb, &p);
		if (verdict != SP_FLOW_JUDGE)
			return sp_verdict_bit(verdict);
	}
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb);
	sp_subject_of_packet(area, skb, sk, &p, socket);
	if (p.untrusted_address && !sp_verdict_bit(sp_judge_untrusted_address(skb, &area->subject)))
		verdict = SP_DROP;
	else if (is_udp && is_dns)
		verdict = sp_egress_dns(skb, &p, area);
	else
		verdict = sp_egress_flow(skb, &p, &area->subject, readable);
	if (verdict == SP_PASS && is_udp && !is_dns)
		verdict = sp_egress_hello(skb, &p, area);
	if (verdict == SP_PASS)
		sp_count_flow(&p, area->subject.cookie);
	sp_scratch_release(area);
	return sp_verdict_bit(verdict);
}

SEC("cgroup_skb/egress") int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return SP_PASS; /* not sent by a socket of this cgroup */
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_PASS; /* a request or time-wait socket: handshakes and resets, never data */
	if (sk->protocol == IPPROTO_TCP && sk->type == SOCK_STREAM) {
		int verdict = sp_egress_tcp(skb, sk);

		if (verdict == SP_PASS && sk->dst_port == bpf_htons(SP_DNS_PORT))
			verdict = sp_egress_dns_tcp(skb, sk);
		return verdict;
	}
	return sp_egress_other(skb, sk);
}

/* A separate function, because the chain of calls that reads an answer needs most of the stack. */
__noinline int sp_ingress_dns(struct __sk_buff *skb)
{
	struct sp_packet p;

	if (sp_read_packet(skb, &p) == 0)
		sp_read_answer(skb, &p, 0, p.payload, p.end);
	return 0;
}

SEC("cgroup_skb/ingress") int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;

	if (!sk)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_PASS;
	if (sk->protocol == IPPROTO_TCP && sk->state == TCP_LISTEN) {
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (socket)
			socket->state = SP_SOCKET_PASSIVE;
		else
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
	} else if (sk->protocol == IPPROTO_TCP) {
		if (sk->dst_port == bpf_htons(SP_DNS_PORT) && !sp_verdict_bit(sp_ingress_dns_tcp(skb)))
			return SP_DROP;
		socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
		if (!socket)
			return SP_PASS;
		if (socket->awaits)
			sp_read_peer(skb);
		if (!(socket->flags & SP_SOCKET_ASKED) || !bpf_sk_storage_get(&awaited, sk, 0, 0))
			return SP_PASS;
		return sp_ingress_answer(skb, sk);
	} else if (sk->protocol == IPPROTO_UDP && sk->type == SOCK_DGRAM) {
		if (sp_ingress_udp(skb) == SP_DNS_PORT)
			sp_ingress_dns(skb);
	}
	return SP_PASS;
}

#endif
