/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The program `judge`: returns the decision for a request by BPF_PROG_TEST_RUN and is never attached. After a new
 * policy the daemon uses it for flows that send nothing. Tests compare it with the evaluator of src/policy/. */
#ifndef SALLYPORT_HOOKS_JUDGE_H
#define SALLYPORT_HOOKS_JUDGE_H

#include "../who/addresses.h"
#include "../traffic/record.h"

/* Names of questions, requests and ClientHellos may contain different bytes. */
static __always_inline __u64 sp_learn_subject_name(struct sp_scratch *area, __u32 length)
{
	if (area->subject.phase == SP_PHASE_DNS)
		return sp_learn_question(area, length);
	return sp_learn_shown(area, length);
}

SEC("tc") int judge(struct __sk_buff *skb)
{
	struct sp_judge_request *r;
	struct sp_scratch *area;
	struct sp_subject *s;
	__u32 length;

	if (skb->data + sizeof(*r) > skb->data_end && bpf_skb_pull_data(skb, sizeof(*r)))
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
	s->netns = sp_netns_of_request(skb, r->netns);
	length = r->name_len;
	if (length) {
		__builtin_memcpy(area->name.raw, r->name, SP_NAME_MAX);
		s->name_hash = sp_learn_subject_name(area, length);
	}
	if (s->phase == SP_PHASE_HTTP) {
		s->request.method_length = r->method_len;
		s->request.path_length = r->path_len;
		s->request.status = r->status;
		__builtin_memcpy(s->request.method, r->method, SP_METHOD_MAX);
		__builtin_memcpy(s->request.path, r->path, SP_PATH_MAX);
	}
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
