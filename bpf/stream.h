/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* TCP at egress: judged at the first payload, its hello read; then one storage look-up a packet. docs/decisions/0003. */
#ifndef SALLYPORT_STREAM_H
#define SALLYPORT_STREAM_H

#include "hello_verdict.h"

#define SP_PENDING_NS 10000000000ULL /* a hello that takes longer is judged as it is */
#define SP_WATCH_SEGMENTS 1024 /* with payload: after so many no name is waited for */
#define SP_MESSAGES_MAX 8 /* in one packet */

enum sp_reading_at { SP_READING_DROP, SP_READING_PASS, SP_READING_ON, SP_READING_AGAIN };

/* Does something listen on the local port? Then a socket of unknown origin on that port was accepted, not connected. Asked only
 * of sockets that are older than the programs. */
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
	/* the remote port is left 0, so no established socket is found, only a listener */
	found = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return false;
	listening = found->state == TCP_LISTEN;
	bpf_sk_release(found);
	return listening;
}

/* Read on in this packet, from area->read_at. Returns enum sp_read_result. */
__noinline int sp_read_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_reading reading = {.bytes = {.packet = skb, .end = skb->len}, .end = skb->len};
	int result;

	if (!area)
		return SP_READ_OVER;
	reading.bytes.window = area->window;
	reading.reader = &area->reader;
	reading.text = &area->text;
	reading.at = area->read_at;
	result = sp_reader_read(&reading);
	area->read_at = reading.at;
	area->hello = reading.hello;
	return result;
}

static __always_inline void sp_forget_text(struct bpf_sock *sk, struct sp_socket *socket)
{
	if (!(socket->flags & SP_SOCKET_CUT))
		return;
	socket->flags &= ~SP_SOCKET_CUT;
	bpf_sk_storage_delete(&texts, sk);
}

static __always_inline int sp_deny_stream(struct __sk_buff *skb, struct sp_socket *socket, const struct sp_subject *s)
{
	socket->flags &= ~SP_SOCKET_READING;
	socket->verdict = sp_verdict_of(s);
	return socket->verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

/* The hello in area->text has ended, as area->hello says, or will not. */
__noinline int sp_end_hello(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_subject *s;

	if (!area || !sk)
		return SP_DROP;
	sk = bpf_sk_fullsock(sk);
	socket = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	if (!socket)
		return SP_DROP;
	s = &area->subject;
	if (sp_may_change(skb))
		area->hello = SP_HELLO_BROKEN;
	sp_judge_hello(area, socket->generation);
	socket->flags |= SP_SOCKET_NAMED;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	socket->pending_since = 0;
	socket->name_hash = s->name_hash;
	socket->generation = s->generation;
	if (s->bound)
		socket->flags |= SP_SOCKET_BOUND;
	else
		socket->flags &= ~SP_SOCKET_BOUND;
	sp_forget_text(sk, socket);
	if (area->hello == SP_HELLO_CUT || area->hello == SP_HELLO_BROKEN)
		socket->flags &= ~SP_SOCKET_READING;
	if (s->action == SP_DENY)
		return sp_deny_stream(skb, socket, s) & 1;
	return SP_PASS;
}

/* What is said is no TLS. */
__noinline int sp_end_other(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_subject *s;

	if (!area || !sk)
		return SP_DROP;
	sk = bpf_sk_fullsock(sk);
	socket = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	if (!socket)
		return SP_DROP;
	if (!(socket->flags & SP_SOCKET_MUST_BE_NAMED))
		return SP_PASS;
	s = &area->subject;
	s->phase = SP_PHASE_CONNECT;
	sp_decide(s);
	s->action = SP_DENY;
	s->reason = SP_NOT_TLS;
	s->rule = SP_NO_RULE;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	sp_record_connect(s);
	return sp_deny_stream(skb, socket, s) & 1;
}

/* Where in this packet the unread bytes begin, with what was read before them in the area; 0: nothing is unread. */
__noinline int sp_begin_reading(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_text *text;
	__u32 behind;

	if (!area || !p || !sk)
		return SP_READING_DROP;
	sk = bpf_sk_fullsock(sk);
	socket = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	if (!socket)
		return SP_READING_DROP;
	if (socket->segments == 0)
		socket->next = p->sequence;
	behind = socket->next - p->sequence;
	if (behind >> 31)
		return SP_READING_DROP; /* a piece before it was dropped: TCP sends both again */
	if (behind >= p->end - p->payload)
		return sp_may_change(skb) ? SP_READING_AGAIN : SP_READING_PASS; /* sent again */
	area->reader = socket->reader;
	area->text.name_length = 0;
	area->text.flags = 0;
	if (socket->flags & SP_SOCKET_CUT) {
		text = bpf_sk_storage_get(&texts, sk, 0, 0);
		if (text)
			area->text = *text;
	}
	area->read_at = p->payload + behind;
	return SP_READING_ON;
}

/* Sent again, from pages that may have changed since they were read: a hello in them is a new one, and does not pass. */
static __always_inline int sp_read_again(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p)
{
	int result;

	__builtin_memset(&area->reader, 0, sizeof(area->reader));
	area->reader.kind = SP_READER_CLEARTEXT;
	area->reader.is_cleartext = 1;
	area->read_at = p->payload;
	result = sp_read_stream(skb, area);
	return result == SP_READ_OVER || (result == SP_READ_MORE && !sp_reader_is_pending(&area->reader)) ? SP_PASS : SP_DROP;
}

/* All of this packet is read. What is half read waits for its next piece; the pieces so far pass: they are nothing without the last
 * one. SP_DROP: it has been waited for too long, or cannot be: the hello is to be judged as it is. */
__noinline int sp_keep_reading(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p, bool over)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	struct sp_text *text;
	bool pending;
	__u64 now;

	if (!area || !p || !sk)
		return SP_DROP;
	sk = bpf_sk_fullsock(sk);
	socket = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	if (!socket)
		return SP_DROP;
	pending = !over && sp_reader_is_pending(&area->reader);
	if (!pending) {
		socket->pending_since = 0;
		sp_forget_text(sk, socket);
	} else {
		area->hello = SP_HELLO_CUT;
		/* a byte of urgent data is not in the stream that the server reads */
		if (p->tcp_flags & SP_TCP_URG || sp_may_change(skb)) {
			area->hello = SP_HELLO_BROKEN;
			return SP_DROP;
		}
		now = bpf_ktime_get_ns();
		if (socket->pending_since == 0)
			socket->pending_since = now;
		if (now - socket->pending_since > SP_PENDING_NS)
			return SP_DROP;
		text = bpf_sk_storage_get(&texts, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!text)
			return SP_DROP;
		*text = area->text;
		socket->flags |= SP_SOCKET_CUT;
	}
	socket->next = p->sequence + (p->end - p->payload);
	socket->reader = area->reader;
	if (over || ++socket->segments > SP_WATCH_SEGMENTS)
		socket->flags &= ~SP_SOCKET_READING;
	return SP_PASS;
}

/* The next bytes of a socket that may still give a name. */
static __always_inline int sp_read_on(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	int result = sp_begin_reading(skb, area, p);

	if (result == SP_READING_AGAIN)
		return sp_read_again(skb, area, p);
	if (result != SP_READING_ON)
		return result == SP_READING_PASS ? SP_PASS : SP_DROP;
	for (int i = 0; i < SP_MESSAGES_MAX; i++) {
		result = sp_read_stream(skb, area);
		if (result == SP_READ_MORE || result == SP_READ_OVER)
			break;
		if (result == SP_READ_HELLO && sp_end_hello(skb, area) == SP_DROP)
			return SP_DROP;
		if (result == SP_READ_OTHER && sp_end_other(skb, area) == SP_DROP)
			return SP_DROP;
	}
	if (result != SP_READ_MORE && result != SP_READ_OVER)
		area->hello = SP_HELLO_BROKEN; /* more messages than anybody has in a packet */
	else if (sp_keep_reading(skb, area, p, result == SP_READ_OVER) == SP_PASS)
		return SP_PASS;
	area->text.name_length = 0;
	return sp_end_hello(skb, area) & 1;
}

/* Phase connect: the first payload of a socket, or the first packet since a new policy. What is allowed has a storage then. */
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
	if (again)
		s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (s->action == SP_DENY && !socket && sp_is_listening(skb, s)) {
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (socket)
			socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	/* In mode observe phase tls is still asked after a denial by connect: one connection shows both. */
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
			s->action = SP_DENY; /* the storage keeps the worse of the two */
	}
	verdict = sp_verdict_of(s);
	if (verdict != SP_ALLOW && !(recorded && socket->verdict == verdict) &&
	    !(s->phase == SP_PHASE_CONNECT && recorded && verdict == SP_WOULD_DENY))
		sp_record_connect(s);
	if (!socket)
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
		return sp_drop(skb); /* without a place to note what was read nothing can be read */
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

/* Has a connect hook allowed this socket just now, on this CPU, for this destination, by the policy in force? */
static __always_inline bool sp_has_just_passed(struct __sk_buff *skb, const struct sp_packet *p)
{
	__u32 zero = 0;
	struct sp_passed *before = bpf_map_lookup_elem(&passed, &zero);

	return before && before->cookie == bpf_get_socket_cookie(skb) && before->remote[0] == p->destination[0] &&
	       before->remote[1] == p->destination[1] && before->port == p->destination_port &&
	       before->generation == sp_generation();
}

/* No payload: a SYN, or a mere acknowledgement of a socket that has sent nothing yet. It is judged each time, and remembered only if it
 * is denied. */
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
	if (socket && sp_is_listening(skb, s)) {
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
	if (sk->state == TCP_LISTEN) /* SYN-ACK: the request has no socket of its own yet */
		return SP_PASS;
	if (sp_read_packet(skb, &p))
		return sp_drop(skb);
	if (p.payload == p.end && (p.tcp_flags & SP_TCP_RST || (judged && !stale)))
		return SP_PASS;
	if (judged && !stale && !reading)
		return sp_drop(skb); /* denied: what is allowed has passed above */
	if (p.payload == p.end && !stale && sp_has_just_passed(skb, &p))
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb); /* TCP sends it again */
	sp_subject_of_packet(area, skb, sk, &p, socket);
	/* A flow that only receives must meet a new policy too, by its acknowledgements. */
	if (p.payload == p.end && !stale) {
		verdict = sp_judge_control(skb, &area->subject);
	} else {
		verdict = judged && !stale ? SP_PASS : sp_judge_stream(skb, area);
		if (verdict == SP_PASS && p.payload < p.end)
			verdict = sp_read_on(skb, area, &p);
	}
	sp_scratch_release(area);
	return verdict & 1; /* SP_PASS or SP_DROP: the verifier does not follow a global function's result */
}

#endif
