/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* HTTP responses at ingress: the status of the last request, for the record and for rules with `status`. */
#ifndef SALLYPORT_TRAFFIC_HTTP_ANSWER_H
#define SALLYPORT_TRAFFIC_HTTP_ANSWER_H

#include "http_verdict.h"
#include "traffic.h"

/* A request whose response has not arrived. */
struct sp_awaited {
	struct sp_http_answer answer;
	__u32 denied; /* drops the whole response, including retransmissions */
	struct sp_text text;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sp_awaited);
} awaited SEC(".maps");

static __always_inline void sp_await_answer(struct bpf_sock *sk, const struct sp_text *text)
{
	struct sp_awaited *a;

	if (text->flags & SP_REQUEST_UNREAD)
		return;
	a = bpf_sk_storage_get(&awaited, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!a)
		return;
	__builtin_memset(&a->answer, 0, sizeof(a->answer));
	a->denied = 0;
	a->text = *text;
}

/* Fills the subject; the remote side is the source of the packet. */
static __always_inline void sp_subject_of_answer(struct sp_scratch *area, struct __sk_buff *skb, struct bpf_sock *sk,
						 struct sp_packet *p, const struct sp_socket *socket)
{
	struct sp_subject *s = &area->subject;
	__u64 remote[2] = {p->source[0], p->source[1]};
	__u16 port = p->source_port;

	sp_subject_of_packet(area, skb, sk, p, socket);
	s->local[0] = p->destination[0];
	s->local[1] = p->destination[1];
	s->local_port = p->destination_port;
	s->remote[0] = remote[0];
	s->remote[1] = remote[1];
	s->remote_port = port;
	s->hook = SP_HOOK_INGRESS;
}

/* Reads the beginning of an expected response. Returns the number of a scratch area (its slot + 1) with a response to
 * judge, 0 for none, or -1 if it is denied. Interim responses (RFC 9110 15.2) are skipped. Global and separate from the
 * judgement, because the packet's headers take too much of the stack. */
__noinline int sp_begin_answer(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};
	struct sp_socket *socket;
	struct sp_scratch *area;
	struct sp_awaited *a;
	struct sp_packet p;
	int status;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	a = sk ? bpf_sk_storage_get(&awaited, sk, 0, 0) : NULL;
	if (!a || sp_read_packet(skb, &p) || p.payload == p.end)
		return 0;
	if (a->denied)
		return -1;
	status = sp_http_status(&a->answer, &bytes, p.payload, p.end);
	if (status == 0)
		return 0;
	if (status < 0) {
		bpf_sk_storage_delete(&awaited, sk);
		return 0;
	}
	if (status < 200 && status != 101) {
		__builtin_memset(&a->answer, 0, sizeof(a->answer));
		return 0;
	}
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	area = socket ? sp_scratch_claim() : NULL;
	if (!area)
		return 0;
	area->text = a->text;
	area->text.status = status;
	sp_subject_of_answer(area, skb, sk, &p, socket);
	return area->busy;
}

static __always_inline int sp_ingress_answer(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_awaited *a;
	struct sp_socket *socket;
	struct sp_scratch *area;
	int begun = sp_begin_answer(skb);
	__u32 slot = begun - 1;
	__u8 verdict;

	if (begun == 0)
		return SP_PASS;
	area = begun < 0 ? NULL : bpf_map_lookup_elem(&scratch, &slot);
	if (!area)
		return sp_drop(skb);
	sp_judge_http(area, false);
	verdict = sp_verdict_of(&area->subject);
	sp_scratch_release(area);
	if (verdict != SP_DENY) {
		bpf_sk_storage_delete(&awaited, sk);
		return SP_PASS;
	}
	a = bpf_sk_storage_get(&awaited, sk, 0, 0);
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (a)
		a->denied = 1;
	if (socket)
		socket->verdict = SP_DENY;
	return sp_drop(skb);
}

#endif
