/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The end of a TCP connection: the kernel has kept count of it all along. */
#ifndef SALLYPORT_HOOKS_RELEASE_H
#define SALLYPORT_HOOKS_RELEASE_H

#include "maps.h"
#include "report.h"

/* bytes_acked counts the SYN; write_seq counts a FIN that was sent. */
static __always_inline __u64 sp_bytes_out(struct tcp_sock *tcp, __u8 state)
{
	__u64 acked = BPF_CORE_READ(tcp, bytes_acked);
	__u32 queued = BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una);
	bool fin = state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK;

	acked += queued;
	if (acked > 0)
		acked--;
	return fin && acked > 0 ? acked - 1 : acked;
}

static __always_inline __u8 sp_end_how(__u8 state, bool established)
{
	if (!established)
		return SP_END_REFUSED;
	if (state == TCP_CLOSE)
		return SP_END_RESET;
	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ? SP_END_REMOTE : SP_END_LOCAL;
}

static __always_inline void sp_mapped(__u8 *to, __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

static __always_inline void sp_end_addresses(struct sp_end *end, struct sock *sk)
{
	end->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	end->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		sp_mapped(end->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
		sp_mapped(end->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	} else {
		BPF_CORE_READ_INTO(&end->remote, sk, __sk_common.skc_v6_daddr);
		BPF_CORE_READ_INTO(&end->local, sk, __sk_common.skc_v6_rcv_saddr);
	}
}

SEC("cgroup/sock_release") int sock_release(struct bpf_sock *sk)
{
	struct tcp_sock *tcp = sp_plain(sk);
	struct sp_socket *socket;
	struct sp_end *end;
	__u64 now;

	if (sk->type != SOCK_STREAM || sk->protocol != IPPROTO_TCP || sk->state == TCP_LISTEN || sk->dst_port == 0)
		return 1;
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (socket && socket->state == SP_SOCKET_PASSIVE)
		return 1;
	end = bpf_ringbuf_reserve(&events, sizeof(*end), 0);
	if (!end) {
		sp_count(SP_COUNT_LOST + SP_EVENT_END);
		return 1;
	}
	now = bpf_ktime_get_ns();
	__builtin_memset(end, 0, sizeof(*end));
	sp_event_head(&end->head, SP_EVENT_END, sizeof(*end), now);
	end->head.cookie = bpf_get_socket_cookie(sk);
	end->state = sk->state;
	end->bytes_in = BPF_CORE_READ(tcp, bytes_received);
	end->packets_in = BPF_CORE_READ(tcp, segs_in);
	end->packets_out = BPF_CORE_READ(tcp, segs_out);
	end->bytes_out = sp_bytes_out(tcp, sk->state);
	end->how = sp_end_how(sk->state, BPF_CORE_READ(tcp, bytes_acked) > 0);
	if (socket && socket->verdict == SP_DENY)
		end->how = SP_END_DENIED;
	end->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	end->retransmits = BPF_CORE_READ(tcp, total_retrans);
	end->protocol = IPPROTO_TCP;
	sp_end_addresses(end, sp_plain(sk));
	sp_count_by(SP_COUNT_TCP_BYTES_OUT, end->bytes_out);
	sp_count_by(SP_COUNT_TCP_BYTES_IN, end->bytes_in);
	bpf_ringbuf_submit(end, sp_wakeup_flag(now, false));
	sp_count(SP_COUNT_EVENT + SP_EVENT_END);
	return 1;
}

#endif
