/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Egress of TCP. A connection is judged at its first payload and read while a name may follow. After that a packet
 * costs one storage look-up. See docs/decisions/ 0003 and 0004. */
#ifndef SALLYPORT_TRAFFIC_STREAM_H
#define SALLYPORT_TRAFFIC_STREAM_H

#include "accepted.h"
#include "mptcp_join.h"
#include "stream_read.h"
#include "untrusted_address.h"

static __always_inline void sp_read_anew(struct sp_socket *socket)
{
	socket->flags |= SP_SOCKET_READING;
	socket->segments = 0;
	__builtin_memset(&socket->reader, 0, sizeof(socket->reader));
}

/* Phase connect, for the first payload of a socket or the first packet under a new policy. An allowed socket then has a
 * storage. */
__noinline int sp_judge_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_subject *s;
	bool again, recorded, must_be_named;
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
			must_be_named = s->must_be_named;
			s->name_hash = socket->name_hash;
			if (socket->flags & SP_SOCKET_BOUND)
				s->flags |= SP_JUDGE_BOUND;
			if (socket->flags & SP_SOCKET_UNREAD)
				s->flags |= SP_JUDGE_UNREAD;
			sp_decide(s);
			s->flags &= ~SP_JUDGE_UNREAD;
			must_be_named = must_be_named && s->action == SP_ALLOW && !sp_is_by_name(s);
		} else {
			must_be_named = s->must_be_named && !(socket->flags & SP_SOCKET_REQUESTED) &&
					((socket->reader.is_cleartext && socket->reader.kind != SP_READER_HTTP) ||
					 !(socket->flags & SP_SOCKET_READING));
		}
		if (must_be_named) {
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
		sp_read_anew(socket);
		socket->flags &= ~SP_SOCKET_UNREAD;
		socket->peer = SP_PEER_UNKNOWN;
		socket->awaits = SP_AWAITS_NOTHING;
	} else if (!(socket->flags & SP_SOCKET_READING) && socket->peer != SP_PEER_TLS && sp_names_matter()) {
		/* the policy before did not need the names of this stream */
		sp_read_anew(socket);
		socket->reader.kind = SP_READER_CLEARTEXT;
		socket->reader.is_cleartext = 1;
	}
	if (s->must_be_named)
		socket->flags |= SP_SOCKET_MUST_BE_NAMED;
	else
		socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	socket->flags &= ~(SP_SOCKET_WATCH_KNOWN | SP_SOCKET_WATCHED);
	socket->verdict = verdict;
	socket->epoch = s->epoch;
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
	       before->epoch == sp_epoch_in_force();
}

/* Judges a packet without payload: a SYN, or an acknowledgement of a socket that has sent nothing yet. It is judged
 * each time, and only a denial is stored. */
__noinline int sp_judge_control(struct __sk_buff *skb, struct sp_subject *s)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	bool accepted;

	if (!s || !sk)
		return SP_DROP;
	s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (sp_verdict_of(s) != SP_DENY)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_DROP;
	/* The storage of a socket that called connect() exists if it could be taken for an accepted one. */
	accepted = !bpf_sk_storage_get(&sockets, sk, 0, 0) && sp_was_accepted(skb, sk, s);
	socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket && accepted) {
		socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	sp_record_connect(s);
	if (!socket)
		return sp_drop(skb);
	socket->verdict = SP_DENY;
	socket->epoch = s->epoch;
	socket->state = SP_SOCKET_JUDGED;
	return sp_drop(skb);
}

/* Names the destination of the connection, by which the daemon finds the socket, instead of a route's first hop. */
static __always_inline void sp_restore_remote(struct sp_subject *s, struct bpf_sock *sk)
{
	struct sock *kernel_sk = sp_untyped(sk);

	if (sk->family == AF_INET6) {
		BPF_CORE_READ_INTO(&s->remote, kernel_sk, __sk_common.skc_v6_daddr);
		return;
	}
	s->remote[0] = 0;
	s->remote[1] = (__u64)BPF_CORE_READ(kernel_sk, __sk_common.skc_daddr) << 32 | bpf_htonl(0xffff);
}

/* Judges a request whose head ends with the stream. */
static __always_inline int sp_end_half(struct __sk_buff *skb, struct sp_scratch *area)
{
	area->text.name_length = 0;
	area->text.flags = SP_REQUEST_BROKEN;
	return sp_verdict_bit(sp_end_request(skb, area));
}

static __always_inline bool sp_is_judged(const struct sp_socket *socket)
{
	return socket && socket->state == SP_SOCKET_JUDGED;
}

/* True if it was judged by a policy before. */
static __always_inline bool sp_is_stale(const struct sp_socket *socket)
{
	return sp_is_judged(socket) && socket->epoch != sp_epoch_in_force();
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
	judged = sp_is_judged(socket); /* evaluated again below, which takes less of the stack than keeping it */
	stale = sp_is_stale(socket);
	reading = judged && socket->flags & SP_SOCKET_READING && socket->verdict != SP_DENY;
	if (judged && !stale && !reading && socket->verdict != SP_DENY && sp_is_plain(skb))
		return SP_PASS;
	if (sk->state == TCP_LISTEN) /* SYN-ACK: the request has no full socket yet */
		return SP_PASS;
	if (sp_read_sent(skb, &p))
		return sp_drop(skb);
	if (p.payload == p.end && p.tcp_flags & SP_TCP_RST)
		return SP_PASS;
	if (p.payload == p.end && judged && sp_http_is_half(socket, &p))
		p.control = SP_CONTROL_HALF;
	/* A denied connection needs no check of its acknowledgements: only a SYN could open anything, and a FIN end a
	 * half-read request. */
	if (p.payload == p.end && judged && !stale && !p.untrusted_address && !p.control && !(p.tcp_flags & SP_TCP_SYN))
		return SP_PASS;
	if (judged && !stale && socket->verdict == SP_DENY)
		return sp_drop(skb);
	if (judged && !stale && !reading && !p.untrusted_address)
		return SP_PASS;
	if (p.payload == p.end && p.tcp_flags & SP_TCP_SYN && sp_names_matter() && sp_is_join(skb, p.transport))
		p.control = SP_CONTROL_JOIN;
	if (p.payload == p.end && !stale && !p.untrusted_address && !p.control && sp_has_just_passed(skb, &p))
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb); /* TCP sends it again */
	sp_subject_of_packet(area, skb, sk, &p, socket);
	if (p.untrusted_address && sp_is_judged(socket))
		sp_restore_remote(&area->subject, sk);
	/* A connection that only receives meets a new policy with its acknowledgements. */
	if (p.untrusted_address && !sp_verdict_bit(sp_judge_untrusted_address(skb, &area->subject))) {
		verdict = SP_DROP;
		if (sp_is_judged(socket))
			socket->verdict = SP_DENY;
	} else if (p.control == SP_CONTROL_JOIN) {
		verdict = sp_judge_join(skb, &area->subject);
	} else if (p.payload == p.end && !p.control && !sp_is_stale(socket)) {
		verdict = sp_judge_control(skb, &area->subject);
	} else {
		verdict = sp_is_judged(socket) && !sp_is_stale(socket) ? SP_PASS : sp_judge_stream(skb, area);
		if (verdict == SP_PASS && p.payload != p.end)
			verdict = sp_read_on(skb, area, &p);
		else if (verdict == SP_PASS && p.control == SP_CONTROL_HALF)
			verdict = sp_end_half(skb, area);
	}
	sp_scratch_release(area);
	return sp_verdict_bit(verdict);
}

#endif
