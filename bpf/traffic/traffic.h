/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Common parts of the packet hooks: pass or drop, and the subject of a packet. */
#ifndef SALLYPORT_TRAFFIC_TRAFFIC_H
#define SALLYPORT_TRAFFIC_TRAFFIC_H

#include "../who/learn.h"
#include "../kernel/packet.h"
#include "record.h"

#define SP_PASS 1
#define SP_DROP 0

/* The epoch of a policy with ends. A function, because its callers have no room on the stack. */
__noinline __u32 sp_epoch_by_ends(void)
{
	struct sp_policy_head *head;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&policy, &zero);

	if (!rows)
		return 0;
	head = sp_row(rows, 0);
	if (!head)
		return 0;
	if (!head->first_end || now < head->first_end)
		return head->generation;
	return sp_epoch(head->generation, sp_ends_passed(rows, head->ends_row, now));
}

/* The epoch of the policy in force, with which verdicts are stored. */
static __always_inline __u32 sp_epoch_in_force(void)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);

	if (!c)
		return 0;
	return c->first_end ? sp_epoch_by_ends() : c->generation;
}

/* True if phases tls or http may deny what is sent, so that all of it must be read. */
static __always_inline bool sp_names_matter(void)
{
	struct sp_policy_head *head = sp_policy_in_force();

	return head && (head->flags & SP_HAS_NAMES || head->defaults[SP_PHASE_TLS] == SP_DENY ||
			head->defaults[SP_PHASE_HTTP] == SP_DENY);
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

/* The client of a socket in `cgroup`, whose storage may have named its caller. Not inlined, to save stack in egress. */
__noinline int sp_subject_of_socket(struct sp_scratch *area, __u64 address, __u64 cgroup, bool named)
{
	struct sock *sk = (struct sock *)address;
	struct sp_subject *s;

	if (!area)
		return 0;
	s = &area->subject;
	s->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie);
	if (!named) {
		/* bpf_get_socket_uid() is relative to the owner of the network namespace: 0 for root of a container */
		s->uid = BPF_CORE_READ(sk, sk_uid.val);
		s->cgroup = cgroup;
		s->exe_hash = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) ? SP_EXE_NONE : 0;
	}
	/* A caller that has moved, or that was given the socket, has another cgroup. Its next connect() learns that. */
	if (s->cgroup == cgroup && sp_policy_in_force())
		sp_ensure_cgroup(area, BPF_CORE_READ(sk, sk_cgrp_data.cgroup));
	return 0;
}

static __always_inline void sp_subject_of_packet(struct sp_scratch *area, struct __sk_buff *skb, struct bpf_sock *sk,
						 const struct sp_packet *p, const struct sp_socket *socket)
{
	struct sp_subject *s = &area->subject;

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
	sp_subject_of_socket(area, (__u64)sp_untyped(sk), bpf_skb_cgroup_id(skb),
			     socket && sp_subject_has_who(s, socket));
}

/* Denies and records what no rule of phase connect can allow. The policy decides first, because its mode counts. */
static __always_inline void sp_deny_connect(struct sp_subject *s, __u8 reason)
{
	sp_decide(s);
	s->action = SP_DENY;
	s->reason = reason;
	s->rule = SP_NO_RULE;
	sp_record_connect(s);
}

static __always_inline int sp_drop(struct __sk_buff *skb)
{
	sp_count(SP_COUNT_PACKETS_DENIED);
	sp_count_by(SP_COUNT_BYTES_DENIED, skb->len);
	return SP_DROP;
}

#endif
