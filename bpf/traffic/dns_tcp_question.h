/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS questions over TCP at egress. Phases connect and tls have already decided about the packet (stream.h). */
#ifndef SALLYPORT_TRAFFIC_DNS_TCP_QUESTION_H
#define SALLYPORT_TRAFFIC_DNS_TCP_QUESTION_H

#include "question.h"

#define SP_DNS_MESSAGES_MAX 32 /* in one segment */

/* Returns the sequence number of the first byte that the socket has sent. */
static __always_inline __u32 sp_first_sent(struct tcp_sock *tcp)
{
	__u64 acked = BPF_CORE_READ(tcp, bytes_acked);

	return BPF_CORE_READ(tcp, snd_una) - (__u32)acked + 1;
}

/* Returns the offset of the first unread byte, 0 if there is none, or -1 if an earlier byte is missing. */
static __always_inline int sp_dns_unread(const struct sp_packet *p, __u32 next)
{
	__u32 before = next - p->sequence;

	if ((__s32)before < 0)
		return -1;
	return before < p->end - p->payload ? p->payload + before : 0;
}

enum sp_dns_tcp_step { SP_DNS_TCP_READ, SP_DNS_TCP_MESSAGE, SP_DNS_TCP_OTHER, SP_DNS_TCP_PASS, SP_DNS_TCP_DROP };

static __always_inline struct sp_dns_socket *sp_dns_socket_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	return sk ? bpf_sk_storage_get(&dns_sockets, sk, 0, flags) : NULL;
}

/* Returns the action for the packet. SP_DNS_TCP_READ: area->packet.payload is the offset of the first unread byte. */
__noinline int sp_dns_tcp_open(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_dns_socket *socket;
	struct sp_packet *p;
	int at;

	if (!area || !sk)
		return SP_DNS_TCP_DROP;
	sk = bpf_sk_fullsock(sk);
	p = &area->packet;
	if (!sk || sp_read_sent(skb, p))
		return SP_DNS_TCP_DROP;
	if (p->tcp_flags & SP_TCP_SYN) /* the socket may have been connected before */
		bpf_sk_storage_delete(&dns_sockets, sk);
	if (p->payload >= p->end)
		return SP_DNS_TCP_PASS;
	area->stream_end = p->sequence + (p->end - p->payload);
	socket = bpf_sk_storage_get(&dns_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket)
		return SP_DNS_TCP_DROP;
	if (socket->epoch == sp_epoch_in_force() && socket->flags & (SP_DNS_DENIED | SP_DNS_OTHER))
		return socket->flags & SP_DNS_DENIED ? SP_DNS_TCP_DROP : SP_DNS_TCP_PASS;
	if (!(socket->flags & SP_DNS_SENDING)) {
		socket->out_next = p->tcp_flags & SP_TCP_SYN ? p->sequence : sp_first_sent(sp_untyped(sk));
		socket->flags |= SP_DNS_SENDING;
		if (socket->out_next != p->sequence) /* older than the programs: the message boundaries are unknown */
			socket->flags |= SP_DNS_OTHER;
	}
	area->stream = socket->out;
	if (socket->flags & SP_DNS_OTHER)
		return SP_DNS_TCP_OTHER;
	at = sp_dns_unread(p, socket->out_next);
	if (at <= 0)
		return at ? SP_DNS_TCP_DROP : SP_DNS_TCP_PASS; /* TCP sends the missing bytes and these again */
	p->payload = at;
	return SP_DNS_TCP_READ;
}

/* Reads the next bytes of the packet. SP_DNS_TCP_MESSAGE: the beginning of a message is in area->dns. */
__noinline int sp_dns_tcp_read(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_bytes bytes = {.packet = skb};
	struct sp_dns_socket *socket = sp_dns_socket_of(skb, 0);
	__u32 at, end;
	int result;

	if (!socket || !area)
		return SP_DNS_TCP_DROP;
	at = area->packet.payload;
	bytes.end = end = area->packet.end;
	if (at >= end)
		return SP_DNS_TCP_PASS;
	result = sp_dns_stream_read(&socket->out, socket->wire, &bytes, &at, end);
	area->packet.payload = at;
	if (result == SP_DNS_STREAM_MORE)
		return SP_DNS_TCP_READ;
	if (result == SP_DNS_STREAM_OTHER)
		return SP_DNS_TCP_OTHER;
	bpf_probe_read_kernel(area->dns.wire, SP_DNS_WIRE, socket->wire);
	area->dns.size = sp_dns_stream_wire(&socket->out);
	area->dns.at = SP_DNS_HEADER;
	return SP_DNS_TCP_MESSAGE;
}

/* Stores the outcome of the packet: SP_DNS_TCP_PASS, _OTHER or _DROP. */
__noinline int sp_dns_tcp_close(struct __sk_buff *skb, struct sp_scratch *area, int how, bool queried)
{
	struct sp_dns_socket *socket = sp_dns_socket_of(skb, 0);

	if (!socket || !area)
		return SP_DROP;
	socket->epoch = sp_epoch_in_force();
	socket->flags &= ~SP_DNS_DENIED;
	if (queried)
		socket->flags |= SP_DNS_QUERIED;
	if (how == SP_DNS_TCP_DROP) {
		socket->out = area->stream; /* the same bytes will be sent again */
		socket->flags |= SP_DNS_DENIED;
		return SP_DROP;
	}
	if (how == SP_DNS_TCP_OTHER)
		socket->flags |= SP_DNS_OTHER;
	socket->out_next = area->stream_end;
	return SP_PASS;
}

/* Judges data that is not DNS, as sp_egress_dns does: by the default of phase dns and, at a trusted resolver, by phase
 * connect. */
__noinline int sp_judge_not_dns(struct sp_scratch *area, bool trusted)
{
	struct sp_subject *s;

	if (!area)
		return SP_DROP;
	s = &area->subject;
	if (sp_judge_unreadable(area) == SP_DROP)
		return SP_DROP;
	if (!trusted)
		return SP_PASS;
	s->phase = SP_PHASE_CONNECT;
	s->flags |= SP_JUDGE_NOT_DNS;
	s->name_hash = 0;
	sp_decide(s);
	if (s->action != SP_DENY)
		return SP_PASS;
	if (s->reason == SP_BY_DEFAULT)
		s->reason = SP_UNREADABLE;
	sp_record_connect(s);
	return sp_verdict_of(s) == SP_DENY ? SP_DROP : SP_PASS;
}

/* Judges each message whose beginning is complete in the packet. A denial drops the packet, which would complete the
 * message. The loop is not a function of its own, to save a frame. */
static __always_inline int sp_egress_dns_tcp(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_socket *who = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct sp_scratch *area;
	bool trusted, queried = false;
	int step, result;

	if (who && who->state == SP_SOCKET_PASSIVE)
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb);
	step = sp_dns_tcp_open(skb, area);
	if (step == SP_DNS_TCP_PASS || step == SP_DNS_TCP_DROP) {
		sp_scratch_release(area);
		return step == SP_DNS_TCP_DROP ? sp_drop(skb) : SP_PASS;
	}
	sp_subject_of_packet(area, skb, sk, &area->packet, who);
	trusted = sp_is_resolver(area->subject.remote);
	for (int i = 0; i < SP_DNS_MESSAGES_MAX && step == SP_DNS_TCP_READ; i++) {
		step = sp_dns_tcp_read(skb, area);
		if (step != SP_DNS_TCP_MESSAGE)
			continue;
		result = sp_judge_message(area, sp_question_flags(skb, trusted));
		step = SP_DNS_TCP_READ;
		if (result == SP_QUESTION_PASS)
			queried = true;
		else if (result == SP_QUESTION_DROP || sp_judge_not_dns(area, trusted) == SP_DROP)
			step = SP_DNS_TCP_DROP;
	}
	if (step == SP_DNS_TCP_READ) /* more messages than any client sends in a segment */
		step = SP_DNS_TCP_OTHER;
	if (step == SP_DNS_TCP_OTHER && sp_judge_not_dns(area, trusted) == SP_DROP)
		step = SP_DNS_TCP_DROP;
	result = sp_dns_tcp_close(skb, area, step, queried);
	sp_scratch_release(area);
	return result == SP_DROP ? sp_drop(skb) : SP_PASS;
}

#endif
