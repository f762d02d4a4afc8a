/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The program `learn_address` adds an address that a trusted resolver returned to the daemon, by
 * BPF_PROG_TEST_RUN. It is never attached. It makes names known that programs resolved before the start, by the
 * same code and with the same limits as for packets. */
#ifndef SALLYPORT_HOOKS_LEARN_ADDRESS_H
#define SALLYPORT_HOOKS_LEARN_ADDRESS_H

#include "../traffic/answer.h"

SEC("tc") int learn_address(struct __sk_buff *skb)
{
	struct sp_policy_head *head = sp_policy_in_force();
	struct sp_learn_request *r;
	struct sp_scratch *area;
	__u64 now = bpf_ktime_get_ns();
	__u32 length;

	if (!head || bpf_skb_pull_data(skb, sizeof(*r)))
		return -1;
	r = (void *)(long)skb->data;
	if ((void *)(r + 1) > (void *)(long)skb->data_end)
		return -1;
	area = sp_scratch_claim();
	if (!area)
		return -1;
	length = r->name_len;
	__builtin_memcpy(area->name.raw, r->name, SP_NAME_MAX);
	__builtin_memcpy(area->answer.address, r->address, 16);
	area->answer.name_hash = sp_learn_name(area, length);
	area->answer.head.time = now;
	r->netns = sp_netns_of_request(skb, r->netns);
	area->learning.floor = head->ttl_floor;
	area->learning.grace = head->ttl_grace;
	area->expires = now + sp_learned_lifetime(&area->learning, r->ttl);
	if (area->answer.name_hash)
		sp_begin_learning(area, r->netns, r->cgroup);
	r->learned = area->answer.name_hash && sp_learn_address(area) == SP_LEARNED;
	r->name_hash = area->answer.name_hash;
	sp_scratch_release(area);
	return 0;
}

#endif
