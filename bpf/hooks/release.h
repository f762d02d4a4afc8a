/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The end of a TCP connection, with the kernel's own counters. */
#ifndef SALLYPORT_HOOKS_RELEASE_H
#define SALLYPORT_HOOKS_RELEASE_H

#include "../traffic/hello_verdict.h"
#include "../traffic/http_verdict.h"

/* The kernel counts a SYN and a FIN as a byte, because each takes a sequence number (RFC 9293 3.4). Bytes that are not
 * acknowledged yet are on their way, except those of a denied connection. */
static __always_inline __u64 sp_bytes_out(struct tcp_sock *tcp, bool fin_sent, bool denied)
{
	__u64 bytes = BPF_CORE_READ(tcp, bytes_acked);
	__u64 control = fin_sent && !denied ? 2 : 1;

	if (!denied)
		bytes += (__u32)(BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una));
	return bytes > control ? bytes - control : 0;
}

static __always_inline bool sp_fin_sent(__u8 state, bool fin_received)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK ||
	       (state == TCP_CLOSE && fin_received);
}

static __always_inline __u8 sp_end_how(__u8 state, bool established, bool fin_received)
{
	if (!established)
		return SP_END_REFUSED;
	if (state == TCP_CLOSE)
		return fin_received ? SP_END_LOCAL : SP_END_RESET;
	return fin_received ? SP_END_REMOTE : SP_END_LOCAL;
}

static __always_inline void sp_map_address(__u8 *to, __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline void sp_end_addresses(struct sp_end *end, struct bpf_sock *sk, struct sock *kernel_sk)
{
	__u32 remote[4];

	end->remote_port = bpf_ntohs(sk->dst_port);
	end->local_port = BPF_CORE_READ(kernel_sk, __sk_common.skc_num);
	if (sk->family == AF_INET) {
		sp_map_address(end->remote, sk->dst_ip4);
		sp_map_address(end->local, BPF_CORE_READ(kernel_sk, __sk_common.skc_rcv_saddr));
		return;
	}
	for (int i = 0; i < 4; i++)
		remote[i] = sk->dst_ip6[i];
	__builtin_memcpy(end->remote, remote, 16);
	BPF_CORE_READ_INTO(&end->local, kernel_sk, __sk_common.skc_v6_rcv_saddr);
}

/* Judges an incomplete ClientHello or request when its socket is released. A server may take the FIN that follows for
 * the end of a request. */
static __always_inline void sp_end_pending(struct sp_socket *socket, const struct sp_end *end, struct sock *kernel_sk)
{
	struct sp_scratch *area = sp_scratch_claim();
	struct sp_subject *s;

	if (!area)
		return;
	s = &area->subject;
	s->hook = SP_HOOK_RELEASE;
	s->protocol = IPPROTO_TCP;
	s->cookie = end->head.cookie;
	__builtin_memcpy(s->remote, end->remote, 16);
	__builtin_memcpy(s->local, end->local, 16);
	s->remote_port = end->remote_port;
	s->local_port = end->local_port;
	s->uid = BPF_CORE_READ(kernel_sk, sk_uid.val);
	s->cgroup = BPF_CORE_READ(kernel_sk, sk_cgrp_data.cgroup, kn, id);
	sp_subject_has_who(s, socket);
	area->text.name_length = area->text.flags = area->text.status = 0;
	if (socket->reader.kind == SP_READER_HTTP) {
		area->text.flags = SP_REQUEST_BROKEN;
		if (sp_judge_http(area, socket->flags & SP_SOCKET_MUST_BE_NAMED) == SP_DENY)
			socket->verdict = SP_DENY;
	} else {
		area->hello = SP_HELLO_CUT;
		sp_judge_hello(area, socket->epoch, socket->flags & SP_SOCKET_MUST_BE_NAMED);
	}
	socket->pending_since = 0;
	sp_scratch_release(area);
}

static __always_inline void sp_fill_end(struct sp_end *end, struct bpf_sock *sk, struct sock *kernel_sk, __u64 now,
					bool denied)
{
	struct tcp_sock *tcp = (struct tcp_sock *)kernel_sk;
	bool fin_received;

	sp_event_head(&end->head, SP_EVENT_END, sizeof(*end), now);
	end->head.cookie = bpf_get_socket_cookie(sk);
	end->state = sk->state;
	fin_received =
		BPF_CORE_READ(kernel_sk, __sk_common.skc_flags) >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1;
	end->bytes_in = BPF_CORE_READ(tcp, bytes_received);
	if (fin_received && end->bytes_in > 0)
		end->bytes_in--;
	end->packets_in = BPF_CORE_READ(tcp, segs_in);
	end->packets_out = BPF_CORE_READ(tcp, segs_out);
	end->bytes_out = sp_bytes_out(tcp, sp_fin_sent(sk->state, fin_received), denied);
	end->how = sp_end_how(sk->state, BPF_CORE_READ(tcp, bytes_acked) > 0, fin_received);
	end->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	end->retransmits = BPF_CORE_READ(tcp, total_retrans);
	end->protocol = IPPROTO_TCP;
	sp_end_addresses(end, sk, kernel_sk);
}

SEC("cgroup/sock_release") int sock_release(struct bpf_sock *sk)
{
	struct sock *kernel_sk = sp_untyped(sk);
	struct tcp_sock *tcp = (struct tcp_sock *)kernel_sk;
	__u64 now = bpf_ktime_get_ns();
	struct sp_socket *socket;
	struct sp_end end = {};

	if (sk->type != SOCK_STREAM || sk->protocol != IPPROTO_TCP || sk->state == TCP_LISTEN)
		return 1;
	/* A refused connect() leaves no address (tcp_disconnect), only a sequence number. A denied one leaves
	 * neither. */
	if (sk->dst_port == 0 && BPF_CORE_READ(tcp, write_seq) == 0)
		return 1;
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (socket && socket->state == SP_SOCKET_PASSIVE)
		return 1;
	sp_fill_end(&end, sk, kernel_sk, now, socket && socket->verdict == SP_DENY);
	/* a few bytes of cleartext may wait to become a ClientHello, but none has begun */
	if (socket && socket->flags & SP_SOCKET_READING && socket->pending_since &&
	    (socket->reader.kind == SP_READER_HTTP || sp_reader_has_begun_hello(&socket->reader)))
		sp_end_pending(socket, &end, kernel_sk);
	if (socket && socket->verdict == SP_DENY)
		end.how = SP_END_DENIED;
	if (end.bytes_out)
		sp_count_by(SP_COUNT_TCP_BYTES_OUT, end.bytes_out);
	if (end.bytes_in)
		sp_count_by(SP_COUNT_TCP_BYTES_IN, end.bytes_in);
	sp_emit(&end, sizeof(end), SP_EVENT_END, now, SP_ORDINARY);
	return 1;
}

#endif
