/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The first unread byte of a packet of a TCP stream, and what cannot be read at all. */
#ifndef SALLYPORT_TRAFFIC_STREAM_BEGIN_H
#define SALLYPORT_TRAFFIC_STREAM_BEGIN_H

#include "http_doubt.h"
#include "peer.h"
#include "stream_socket.h"

enum sp_reading_at { SP_READING_DROP, SP_READING_PASS, SP_READING_ON };

/* Returns the sequence number of the first unread byte of a new stream. */
static __always_inline __u32 sp_first_unread(struct bpf_sock *sk, const struct sp_packet *p)
{
	struct tcp_sock *tcp = sp_untyped(sk);
	__u32 acked = BPF_CORE_READ(tcp, bytes_acked), first = BPF_CORE_READ(tcp, snd_una), unsent;

	if (acked || sk->state == TCP_SYN_SENT) /* the SYN counts as a byte */
		first += 1 - acked;
	unsent = p->sequence + (p->end - p->payload) - first - (__u32)BPF_CORE_READ(tcp, bytes_sent);
	/* TCP_REPAIR leaves bytes before this packet that were never sent. They are yet to come, as a retransmission.
	 * What was sent before the programs were attached is gone. */
	return (__s32)unsent > 0 ? first : p->sequence;
}

/* True if the packet's bytes are not those that the server will read: urgent data is not part of its stream, and shared
 * pages can still change. The body of an HTTP request cannot become anything else. */
static __always_inline bool sp_is_unread(struct __sk_buff *skb, const struct sp_reader *r, const struct sp_packet *p)
{
	if (!r->is_watched || (r->kind == SP_READER_HTTP && r->peer == SP_PEER_HTTP && !r->is_tunnel))
		return false;
	return sp_may_change(skb, p);
}

/* Finds the first unread byte of the packet and loads the state of earlier ones into the area. */
__noinline int sp_begin_reading(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_text *text;
	__u32 behind;

	socket = sp_socket_of(skb, &sk);
	if (!area || !p || !socket)
		return SP_READING_DROP;
	if (socket->peer == SP_PEER_TLS && socket->reader.kind == SP_READER_CLEARTEXT)
		socket->flags &= ~SP_SOCKET_READING;
	if (!(socket->flags & SP_SOCKET_READING))
		return SP_READING_PASS;
	if (socket->segments == 0) {
		socket->next = sp_first_unread(sk, p);
		socket->segments = 1;
	}
	behind = socket->next - p->sequence;
	if (behind >> 31)
		return SP_READING_DROP; /* an earlier segment was dropped: TCP sends both again */
	if (behind >= p->end - p->payload)
		return SP_READING_PASS; /* a retransmission */
	area->reader = socket->reader;
	area->reader.peer = socket->peer;
	area->reader.is_watched = socket->flags & SP_SOCKET_WATCH_KNOWN ? (socket->flags & SP_SOCKET_WATCHED) != 0
									: sp_names_matter();
	area->text.name_length = 0;
	area->text.flags = 0;
	if (socket->flags & SP_SOCKET_CUT) {
		text = bpf_sk_storage_get(&texts, sk, 0, 0);
		if (text)
			area->text = *text;
	}
	area->cursor.at = p->payload + behind;
	area->is_doubtful = sp_http_is_doubtful(skb, p, &area->reader, p->end - area->cursor.at);
	area->reader.hides_hello = sp_is_unread(skb, &area->reader, p);
	return SP_READING_ON;
}

/* Finds out if anything that this stream may show can be denied. Most streams end or show their protocol before. */
static __always_inline void sp_watch(struct sp_scratch *area, struct sp_socket *socket)
{
	struct sp_subject *s = &area->subject;

	s->phase = SP_PHASE_TLS;
	s->flags |= SP_JUDGE_UNREAD;
	s->name_hash = 0;
	sp_decide(s);
	s->flags &= ~SP_JUDGE_UNREAD;
	socket->flags |= SP_SOCKET_WATCH_KNOWN;
	/* under `unread: allow` a name may be denied though its absence is not */
	if (s->action != SP_ALLOW || (s->head.unread == SP_ALLOW && s->policy_flags & SP_HAS_NAMES))
		socket->flags |= SP_SOCKET_WATCHED;
}

#endif
