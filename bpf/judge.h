/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A program that is never attached: it asks the decision a question by BPF_PROG_TEST_RUN. The tests hold the kernel against the
 * plain evaluator with it. */
#ifndef SALLYPORT_JUDGE_H
#define SALLYPORT_JUDGE_H

#include "learn.h"
#include "record.h"

struct sp_judge_request {
	__u8 ethernet[16]; /* a packet begins with a header; left zero */
	__u8 remote[16];
	__u64 exe_hash, cgroup;
	__u32 uid;
	__u16 remote_port;
	__u8 protocol, phase;
	__u16 name_len;
	__u8 flags, reserved[5]; /* enum sp_subject_flag */
	/* out */
	__u64 name_hash;
	__u32 generation;
	__u16 rule, alert;
	__u8 action, reason, verdict, spare[5];
	char name[SP_NAME_MAX];
}; /* 352 bytes */

SEC("tc") int judge(struct __sk_buff *skb)
{
	struct sp_judge_request *r;
	struct sp_scratch *area;
	struct sp_subject *s;
	__u32 length;

	if (bpf_skb_pull_data(skb, sizeof(*r)))
		return -1;
	r = (void *)(long)skb->data;
	if ((void *)(r + 1) > (void *)(long)skb->data_end)
		return -1;
	area = sp_scratch_claim();
	if (!area)
		return -1;
	s = &area->subject;
	__builtin_memcpy(s->remote, r->remote, 16);
	s->exe_hash = r->exe_hash;
	s->cgroup = r->cgroup;
	s->uid = r->uid;
	s->remote_port = r->remote_port;
	s->protocol = r->protocol;
	s->phase = r->phase;
	s->flags = r->flags;
	length = r->name_len;
	__builtin_memcpy(area->name.raw, r->name, SP_NAME_MAX);
	if (length)
		s->name_hash = sp_learn_name(area, length);
	sp_decide(s);
	r->name_hash = s->name_hash;
	r->generation = s->generation;
	r->rule = s->rule;
	r->alert = s->alert;
	r->action = s->action;
	r->reason = s->reason;
	r->verdict = sp_verdict_of(s);
	sp_scratch_release(area);
	return 0;
}

#endif
