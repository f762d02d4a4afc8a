/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* TCP sockets that a listener accepted before the programs were attached. */
#ifndef SALLYPORT_TRAFFIC_ACCEPTED_H
#define SALLYPORT_TRAFFIC_ACCEPTED_H

#include "traffic.h"

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

#endif
