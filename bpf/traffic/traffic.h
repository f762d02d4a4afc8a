/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Common parts of the packet hooks: pass or drop, and the subject of a packet. */
#ifndef SALLYPORT_TRAFFIC_TRAFFIC_H
#define SALLYPORT_TRAFFIC_TRAFFIC_H

#include "../who/learn.h"
#include "../kernel/packet.h"
#include "record.h"

#define SP_PASS 1
#define SP_DROP 0

static __always_inline __u32 sp_generation(void)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? c->generation : 0;
}

/* Returns true if the socket's storage names its caller. */
static __always_inline bool sp_subject_has_who(struct sp_subject *s, const struct sp_socket *socket)
{
	if (!(socket->flags & SP_SOCKET_HAS_WHO))
		return false;
	s->exe_hash = socket->exe_hash;
	s->cgroup = socket->cgroup;
	s->start = socket->start;
	s->tgid = socket->tgid;
	s->uid = socket->uid;
	return true;
}

static __always_inline void sp_subject_of_packet(struct sp_scratch *area, struct __sk_buff *skb, struct bpf_sock *sk,
						 const struct sp_packet *p, const struct sp_socket *socket)
{
	struct sp_subject *s = &area->subject;
	struct sock *kernel_sk;
	__u64 cgroup;

	s->remote[0] = p->destination[0];
	s->remote[1] = p->destination[1];
	s->local[0] = p->source[0];
	s->local[1] = p->source[1];
	s->remote_port = p->destination_port;
	s->local_port = p->source_port;
	s->protocol = p->protocol;
	s->phase = SP_PHASE_CONNECT;
	s->hook = SP_HOOK_EGRESS;
	s->cookie = bpf_get_socket_cookie(skb);
	kernel_sk = sp_untyped(sk);
	s->netns = BPF_CORE_READ(kernel_sk, __sk_common.skc_net.net, net_cookie);
	cgroup = bpf_skb_cgroup_id(skb);
	if (!socket || !sp_subject_has_who(s, socket)) {
		/* bpf_get_socket_uid() is relative to the owner of the network namespace: 0 for root of a container */
		s->uid = BPF_CORE_READ(kernel_sk, sk_uid.val);
		s->cgroup = cgroup;
	}
	/* A caller that has moved, or that was given the socket, has another cgroup. Its next connect() learns that. */
	if (s->cgroup == cgroup && sp_policy_in_force())
		sp_ensure_cgroup(area, BPF_CORE_READ(kernel_sk, sk_cgrp_data.cgroup));
}

static __always_inline int sp_drop(struct __sk_buff *skb)
{
	sp_count(SP_COUNT_PACKETS_DENIED);
	sp_count_by(SP_COUNT_BYTES_DENIED, skb->len);
	return SP_DROP;
}

#endif
