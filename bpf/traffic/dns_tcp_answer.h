/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS answers over TCP at ingress, put into order and reassembled. Only for sockets that have sent a question. */
#ifndef SALLYPORT_TRAFFIC_DNS_TCP_ANSWER_H
#define SALLYPORT_TRAFFIC_DNS_TCP_ANSWER_H

#include "answer.h"

struct sp_pieces_walk {
	struct __sk_buff *skb;
	struct sp_dns_socket *socket;
	struct sp_dns_buffer *buffer;
	__u32 at, end;
};

/* Returns the buffer of a message in pieces. It is created for the first piece, and evicted when 64 others follow. */
static __always_inline struct sp_dns_buffer *sp_answer_buffer(__u64 cookie, bool first)
{
	static const struct sp_dns_buffer empty;

	if (first && bpf_map_update_elem(&dns_answers, &cookie, &empty, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_DNS_ANSWERS);
	return bpf_map_lookup_elem(&dns_answers, &cookie);
}

static __always_inline void sp_dns_tcp_answer_end(struct sp_pieces_walk *w)
{
	struct sp_dns_stream *in = &w->socket->in;
	__u32 length = in->length < SP_DNS_ANSWER_MAX ? in->length : SP_DNS_ANSWER_MAX;
	__u64 cookie = w->socket->cookie;

	if (w->buffer && in->delivered) {
		sp_read_answer(w->skb, &w->socket->packet, (__u64)sp_untyped(w->buffer), 0, length);
		bpf_map_delete_elem(&dns_answers, &cookie);
		w->buffer = NULL;
	}
	__builtin_memset(in, 0, sizeof(*in));
}

/* Reads a byte of a length, a complete message, or a piece of one. `delivered`: the message is collected in the
 * buffer. */
static long sp_pieces_step(__u32 i, void *state)
{
	struct sp_pieces_walk *w = state;
	struct sp_dns_stream *in = &w->socket->in;
	__u32 count, have = in->have, left;
	__u8 byte;

	(void)i;
	if (w->at >= w->end)
		return 1;
	if (in->framed < 2) {
		if (bpf_skb_load_bytes(w->skb, w->at++, &byte, 1))
			return 1;
		in->length = in->length << 8 | byte;
		in->framed++;
		if (in->framed == 2 && in->length == 0)
			__builtin_memset(in, 0, sizeof(*in));
		return 0;
	}
	count = w->end - w->at;
	left = in->length - have;
	if (have == 0 && count >= left) {
		sp_read_answer(w->skb, &w->socket->packet, 0, w->at, w->at + left);
		w->at += left;
		__builtin_memset(in, 0, sizeof(*in));
		return 0;
	}
	if (have == 0) {
		w->buffer = sp_answer_buffer(w->socket->cookie, true);
		in->delivered = w->buffer != NULL;
	}
	count = min(count, left);
	count = min(count, SP_DNS_CHUNK);
	if (w->buffer && have < SP_DNS_ANSWER_MAX &&
	    bpf_skb_load_bytes(w->skb, w->at, w->buffer->bytes + (have & (SP_DNS_ANSWER_MAX - 1)),
			       sp_bounded(count, SP_DNS_CHUNK)))
		return 1;
	w->at += count;
	in->have = have + count;
	if (in->have >= in->length)
		sp_dns_tcp_answer_end(w);
	return 0;
}

/* Drops segments that are out of order; TCP sends them again. So answers are learned before the application can read
 * them. */
static __always_inline int sp_read_pieces(struct __sk_buff *skb, struct bpf_sock *sk, struct sp_dns_socket *socket,
					  struct sp_packet *p)
{
	struct sp_pieces_walk walk = {.skb = skb, .socket = socket, .end = p->end};
	struct tcp_sock *tcp = sp_untyped(sk);
	__u32 before, received;

	if (!(socket->flags & SP_DNS_RECEIVING)) {
		received = BPF_CORE_READ(tcp, bytes_received);
		socket->in_next = BPF_CORE_READ(tcp, rcv_nxt) - received; /* the first byte that the socket receives */
		socket->flags |= received ? SP_DNS_LOST : SP_DNS_RECEIVING;
	}
	if (socket->flags & SP_DNS_LOST)
		return SP_PASS;
	before = socket->in_next - p->sequence;
	if ((__s32)before < 0)
		return SP_DROP;
	if (before >= p->end - p->payload)
		return SP_PASS;
	walk.at = p->payload + before;
	socket->cookie = bpf_get_socket_cookie(skb);
	if (socket->in.have > 0 && socket->in.delivered) {
		walk.buffer = sp_answer_buffer(socket->cookie, false);
		if (!walk.buffer)
			socket->in.delivered = 0;
	}
	socket->in_next = p->sequence + (p->end - p->payload);
	bpf_loop(1 << 16, sp_pieces_step, &walk, 0);
	return SP_PASS;
}

__noinline int sp_ingress_dns_tcp(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_dns_socket *socket;
	int verdict = SP_PASS;

	if (!sk)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_PASS;
	socket = bpf_sk_storage_get(&dns_sockets, sk, 0, 0);
	if (!socket || !(socket->flags & SP_DNS_QUERIED))
		return SP_PASS;
	if (__sync_val_compare_and_swap(&socket->busy, 0, 1) != 0)
		return SP_DROP; /* two CPUs at once: TCP sends it again */
	if (sp_read_packet(skb, &socket->packet) == 0 && socket->packet.payload < socket->packet.end)
		verdict = sp_read_pieces(skb, sk, socket, &socket->packet);
	sp_atomic_clear(&socket->busy);
	return verdict;
}

#endif
