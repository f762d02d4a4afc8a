/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The protocol of a TCP server, by the first bytes that it sends after a ClientHello or request. Only the server knows
 * how it reads what it was sent. */
#ifndef SALLYPORT_TRAFFIC_PEER_H
#define SALLYPORT_TRAFFIC_PEER_H

#include "traffic.h"

#define SP_ANSWER_HEAD 6 /* bytes */
#define SP_RECORD_ALERT 21
#define SP_SERVER_HELLO 2

/* Expects the answer to what is being sent. */
static __always_inline void sp_await_peer(struct bpf_sock *sk, struct sp_socket *socket)
{
	struct tcp_sock *tcp = sp_untyped(sk);

	socket->peer = SP_PEER_UNKNOWN;
	socket->answer_at = BPF_CORE_READ(tcp, rcv_nxt);
	socket->awaits = sk->state == TCP_SYN_SENT ? SP_AWAITS_FIRST : SP_AWAITS_ANSWER;
}

/* Reads the beginning of the answer. Data that the server had sent before do not count. */
__noinline int sp_read_peer(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u8 head[SP_ANSWER_HEAD];
	struct sp_socket *socket;
	struct sp_packet p;
	__u32 at;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sp_read_packet(skb, &p) || p.payload == p.end)
		return 0;
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!socket)
		return 0;
	at = socket->awaits == SP_AWAITS_FIRST ? 0 : socket->answer_at - p.sequence;
	if (at >= p.end - p.payload)
		return 0;
	socket->awaits = SP_AWAITS_NOTHING;
	if (bpf_skb_load_bytes(skb, p.payload + at, head, sizeof(head)))
		return 0;
	if (head[1] == 3 &&
	    (head[0] == SP_RECORD_ALERT || (head[0] == SP_RECORD_HANDSHAKE && head[SP_RECORD_HEAD] == SP_SERVER_HELLO)))
		socket->peer = SP_PEER_TLS;
	else if (head[0] == 'H' && head[1] == 'T' && head[2] == 'T' && head[3] == 'P' && head[4] == '/')
		socket->peer = SP_PEER_HTTP;
	return 0;
}

#endif
