/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* connect() and sendmsg(). The caller is known here, and a denial returns an errno at once. */
#ifndef SALLYPORT_HOOKS_CONNECT_H
#define SALLYPORT_HOOKS_CONNECT_H

#include "../who/learn.h"
#include "../traffic/begun.h"
#include "../traffic/record.h"
#include "../traffic/traffic.h"

#define SP_PROCEED 1
#define SP_REJECT 0

static __always_inline void sp_set_who(struct sp_socket *socket, const struct sp_subject *s)
{
	socket->exe_hash = s->exe_hash;
	socket->cgroup = s->cgroup;
	socket->start = s->start;
	socket->tgid = s->tgid;
	socket->uid = s->uid;
	socket->flags |= SP_SOCKET_HAS_WHO;
}

static __always_inline void sp_subject_of_caller(struct sp_scratch *area, struct bpf_sock_addr *ctx)
{
	struct sp_subject *s = &area->subject;

	sp_subject_from_current(area);
	s->cookie = bpf_get_socket_cookie(ctx);
	s->netns = bpf_get_netns_cookie(ctx);
	s->protocol = ctx->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : ctx->protocol;
	s->remote_port = bpf_ntohs(ctx->user_port);
	s->phase = SP_PHASE_CONNECT;
}

static __always_inline int sp_reject(const struct sp_subject *s)
{
	bpf_set_retval(-(int)s->deny_errno);
	return SP_REJECT;
}

static __always_inline int sp_connect_tcp(struct bpf_sock_addr *ctx, struct sp_subject *s)
{
	struct sp_socket *socket;
	struct sp_passed *passed_now;
	__u32 zero = 0;
	__u8 verdict;

	s->hook = SP_HOOK_CONNECT;
	sp_decide(s);
	verdict = sp_verdict_of(s);
	sp_record_connect(s);
	if (!ctx->sk)
		return verdict == SP_DENY ? sp_reject(s) : SP_PROCEED;
	bpf_sk_storage_delete(&sockets, ctx->sk); /* the socket may have been a listener or connected before */
	if (verdict == SP_DENY)
		return sp_reject(s);
	/* Egress judges the first data again, and all data by a later policy. It must know the caller, and that a
	 * "would deny" was recorded. Nor is a socket inbound that was accepted before. */
	socket = bpf_sk_storage_get(&sockets, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket) {
		socket->state = SP_SOCKET_WHO;
		socket->verdict = verdict;
		sp_set_who(socket, s);
	} else {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
	}
	passed_now = bpf_map_lookup_elem(&passed, &zero);
	if (passed_now) {
		passed_now->remote[0] = s->remote[0];
		passed_now->remote[1] = s->remote[1];
		passed_now->port = s->remote_port;
		passed_now->epoch = s->epoch;
		passed_now->cookie = s->cookie;
	}
	return SP_PROCEED;
}

/* Remembers the caller: egress judges the datagrams and may run in another context. */
static __always_inline void sp_remember_who(struct bpf_sock_addr *ctx, const struct sp_subject *s)
{
	struct sp_socket *socket;

	if (!ctx->sk)
		return;
	socket = bpf_sk_storage_get(&sockets, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket)
		sp_set_who(socket, s);
	else
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
}

static __always_inline int sp_connect(struct bpf_sock_addr *ctx, struct sp_scratch *area)
{
	sp_subject_of_caller(area, ctx);
	if (area->subject.protocol == IPPROTO_TCP)
		return sp_connect_tcp(ctx, &area->subject);
	sp_remember_who(ctx, &area->subject); /* connect() sends nothing on UDP; the first datagram is judged */
	return SP_PROCEED;
}

static __always_inline int sp_sendmsg(struct bpf_sock_addr *ctx, struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	struct sp_flow_key key;
	struct sp_flow fresh = {}, *flow;
	struct sp_policy_head *head;
	__u8 verdict;

	sp_flow_key_of(&key, bpf_get_socket_cookie(ctx), s->remote, bpf_ntohs(ctx->user_port), ctx->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && flow->flags & SP_FLOW_INBOUND)
		return SP_PROCEED;
	head = sp_policy_in_force();
	if (flow && head && sp_epoch_in_force() == flow->epoch) {
		if (flow->verdict != SP_DENY)
			return SP_PROCEED;
		if (flow->flags & SP_FLOW_NAME_DENIED) { /* by a QUIC ClientHello, and already recorded */
			s->deny_errno = head->deny_errno;
			sp_count(SP_COUNT_PACKETS_DENIED);
			return sp_reject(s);
		}
	}
	if (flow && flow->named) /* egress judges its names again */
		return SP_PROCEED;
	sp_subject_of_caller(area, ctx);
	s->hook = SP_HOOK_SENDMSG;
	sp_remember_who(ctx, s);
	sp_decide(s);
	if (s->reason == SP_BY_RESOLVER) /* egress reads the question */
		return SP_PROCEED;
	verdict = sp_verdict_of(s);
	/* a flow is recorded once, but each denied send is */
	if (verdict == SP_DENY || !flow || flow->verdict != verdict)
		sp_record_connect(s);
	if (verdict == SP_DENY)
		return sp_reject(s);
	if (ctx->sk)
		sp_note_begun(ctx->sk, &key);
	if (flow) {
		sp_flow_judged(flow, s, verdict);
		return SP_PROCEED;
	}
	fresh.first = fresh.last = bpf_ktime_get_ns();
	fresh.verdict = verdict;
	fresh.epoch = s->epoch;
	fresh.flags = SP_FLOW_REPORTED;
	if (s->must_be_named)
		fresh.flags |= SP_FLOW_MUST_BE_NAMED;
	if (bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
	return SP_PROCEED;
}

static __always_inline void sp_remote4(struct sp_subject *s, struct bpf_sock_addr *ctx)
{
	s->remote[0] = 0;
	s->remote[1] = (__u64)ctx->user_ip4 << 32 | bpf_htonl(0xffff);
}

static __always_inline void sp_remote6(struct sp_subject *s, struct bpf_sock_addr *ctx)
{
	s->remote[0] = (__u64)ctx->user_ip6[1] << 32 | ctx->user_ip6[0];
	s->remote[1] = (__u64)ctx->user_ip6[3] << 32 | ctx->user_ip6[2];
}

/* One body for four programs. Arguments: the hook, the family of its address, and the function that judges. */
#define SP_ADDRESS_HOOK(hook, family, judge_call) \
	SEC("cgroup/" #hook #family) int hook##family(struct bpf_sock_addr *ctx) \
	{ \
		struct sp_scratch *area = sp_scratch_claim(); \
		int verdict; \
\
		if (!area) \
			return SP_PROCEED; /* egress is the authority */ \
		sp_remote##family(&area->subject, ctx); \
		verdict = judge_call(ctx, area); \
		sp_scratch_release(area); \
		return verdict; \
	}

SP_ADDRESS_HOOK(connect, 4, sp_connect)
SP_ADDRESS_HOOK(connect, 6, sp_connect)
SP_ADDRESS_HOOK(sendmsg, 4, sp_sendmsg)
SP_ADDRESS_HOOK(sendmsg, 6, sp_sendmsg)

#endif
