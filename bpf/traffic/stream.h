/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Egress of TCP. A connection is judged at its first payload and read while a name may follow. After that a packet
 * costs one storage look-up. See docs/decisions/ 0003 and 0004. */
#ifndef SALLYPORT_TRAFFIC_STREAM_H
#define SALLYPORT_TRAFFIC_STREAM_H

#include "untrusted_address.h"
#include "stream_read.h"

/* True if the socket was accepted from a listener. It inherits the backlog, but not the bound-port lock and not
 * SOCK_RCU_FREE, which marks a former listener (inet_csk_clone_lock(), sk_clone_lock()). */
static __always_inline bool sp_is_child(struct bpf_sock *sk)
{
	struct sock *kernel_sk = sp_untyped(sk);
	unsigned long flags;

	if (BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_userlocks) & SOCK_BINDPORT_LOCK)
		return false;
	flags = BPF_CORE_READ(kernel_sk, __sk_common.skc_flags);
	if (flags >> bpf_core_enum_value(enum sock_flags, SOCK_RCU_FREE) & 1)
		return false;
	return BPF_CORE_READ(kernel_sk, sk_max_ack_backlog) > 0;
}

/* True if a socket listens on the local port. */
static __always_inline bool sp_is_listening(struct __sk_buff *skb, const struct sp_subject *s)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;
	bool listening;
	__u32 size;

	if (sp_is_v4(s->local)) {
		tuple.ipv4.daddr = s->local[1] >> 32;
		tuple.ipv4.saddr = s->remote[1] >> 32;
		tuple.ipv4.dport = bpf_htons(s->local_port);
		size = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.daddr, s->local, 16);
		__builtin_memcpy(tuple.ipv6.saddr, s->remote, 16);
		tuple.ipv6.dport = bpf_htons(s->local_port);
		size = sizeof(tuple.ipv6);
	}
	/* the remote port is 0, so only a listener is found, no established socket */
	found = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return false;
	listening = found->state == TCP_LISTEN;
	bpf_sk_release(found);
	return listening;
}

/* True if this socket, which is older than the programs, was accepted. */
static __always_inline bool sp_was_accepted(struct __sk_buff *skb, struct bpf_sock *sk, const struct sp_subject *s)
{
	return sp_is_child(sk) && sp_is_listening(skb, s);
}

/* Phase connect, for the first payload of a socket or the first packet under a new policy. An allowed socket then has a
 * storage. */
__noinline int sp_judge_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_subject *s;
	bool again, recorded;
	__u8 verdict;

	if (!area || !sk)
		return SP_DROP;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_DROP;
	s = &area->subject;
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	again = socket && socket->state == SP_SOCKET_JUDGED;
	recorded = again || (socket && socket->flags & SP_SOCKET_HAS_WHO);
	/* An established connection keeps the address that it was opened with, even if it sends nothing until the TTL
	 * of the name expires. */
	if (again || sk->state != TCP_SYN_SENT)
		s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (s->action == SP_DENY && !socket && sp_was_accepted(skb, sk, s)) {
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (socket)
			socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	/* In mode observe phase tls decides even after a denial by connect, so that one connection shows both. */
	if (again && sp_verdict_of(s) != SP_DENY) {
		bool denied = s->action == SP_DENY;

		if (socket->flags & SP_SOCKET_NAMED) {
			s->phase = SP_PHASE_TLS;
			s->name_hash = socket->name_hash;
			if (socket->flags & SP_SOCKET_BOUND)
				s->flags |= SP_JUDGE_BOUND;
			sp_decide(s);
		} else if (s->must_be_named && (socket->reader.is_cleartext || !(socket->flags & SP_SOCKET_READING))) {
			s->action = SP_DENY;
			s->reason = SP_NOT_TLS;
			s->rule = SP_NO_RULE;
		}
		if (denied)
			s->action = SP_DENY; /* the storage keeps the stricter verdict */
	}
	verdict = sp_verdict_of(s);
	if (verdict != SP_ALLOW && !(recorded && socket->verdict == verdict) &&
	    !(s->phase == SP_PHASE_CONNECT && recorded && verdict == SP_WOULD_DENY))
		sp_record_connect(s);
	if (!socket)
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
		return sp_drop(skb); /* without socket storage there is no parser state */
	}
	if (!again || socket->verdict == SP_DENY) {
		socket->flags |= SP_SOCKET_READING;
		socket->segments = 0;
		__builtin_memset(&socket->reader, 0, sizeof(socket->reader));
	}
	if (s->must_be_named)
		socket->flags |= SP_SOCKET_MUST_BE_NAMED;
	else
		socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	socket->verdict = verdict;
	socket->generation = s->generation;
	socket->state = SP_SOCKET_JUDGED;
	return verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

/* True if a connect hook has just allowed this socket, on this CPU, for this destination, by the policy in force. */
static __always_inline bool sp_has_just_passed(struct __sk_buff *skb, const struct sp_packet *p)
{
	__u32 zero = 0;
	struct sp_passed *before = bpf_map_lookup_elem(&passed, &zero);

	return before && before->cookie == bpf_get_socket_cookie(skb) && before->remote[0] == p->destination[0] &&
	       before->remote[1] == p->destination[1] && before->port == p->destination_port &&
	       before->generation == sp_generation();
}

/* Judges a packet without payload: a SYN, or an acknowledgement of a socket that has sent nothing yet. It is judged
 * each time, and only a denial is stored. */
__noinline int sp_judge_control(struct __sk_buff *skb, struct sp_subject *s)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;

	if (!s || !sk)
		return SP_DROP;
	s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (sp_verdict_of(s) != SP_DENY)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_DROP;
	socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket && sp_was_accepted(skb, sk, s)) {
		socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	sp_record_connect(s);
	if (!socket)
		return sp_drop(skb);
	socket->verdict = SP_DENY;
	socket->generation = s->generation;
	socket->state = SP_SOCKET_JUDGED;
	return sp_drop(skb);
}

static __always_inline int sp_egress_tcp(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_socket *socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	bool judged, stale, reading;
	struct sp_scratch *area;
	struct sp_packet p;
	int verdict;

	if (socket && socket->state == SP_SOCKET_PASSIVE)
		return SP_PASS;
	judged = socket && socket->state == SP_SOCKET_JUDGED;
	stale = judged && socket->generation != sp_generation();
	reading = judged && socket->flags & SP_SOCKET_READING && socket->verdict != SP_DENY;
	if (judged && !stale && !reading && socket->verdict != SP_DENY)
		return SP_PASS;
	if (sk->state == TCP_LISTEN) /* SYN-ACK: the request has no full socket yet */
		return SP_PASS;
	if (sp_read_sent(skb, &p))
		return sp_drop(skb);
	/* A denied connection needs no check of its acknowledgements: only a SYN could open anything. */
	if (p.payload == p.end && (p.tcp_flags & SP_TCP_RST || (judged && !stale && !(p.tcp_flags & SP_TCP_SYN))))
		return SP_PASS;
	if (judged && !stale && !reading)
		return sp_drop(skb); /* denied: allowed sockets have passed above */
	if (p.payload == p.end && !stale && !p.untrusted_address && sp_has_just_passed(skb, &p))
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb); /* TCP sends it again */
	sp_subject_of_packet(area, skb, sk, &p, socket);
	/* A connection that only receives meets a new policy with its acknowledgements. */
	if (p.untrusted_address && !sp_verdict_bit(sp_judge_untrusted_address(skb, &area->subject))) {
		verdict = SP_DROP;
	} else if (p.payload == p.end && !stale) {
		verdict = sp_judge_control(skb, &area->subject);
	} else {
		verdict = judged && !stale ? SP_PASS : sp_judge_stream(skb, area);
		if (verdict == SP_PASS && p.payload < p.end)
			verdict = sp_read_on(skb, area, &p);
	}
	sp_scratch_release(area);
	return sp_verdict_bit(verdict);
}

#endif
