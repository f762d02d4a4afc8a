/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* DNS answers at ingress: what they teach. */
#ifndef SALLYPORT_ANSWER_H
#define SALLYPORT_ANSWER_H

#include "traffic.h"

struct sp_answer_walk {
	struct sp_bytes bytes;
	struct sp_scratch *area;
	__u32 floor, grace, addresses, broken;
};

static long sp_answer_step(__u32 i, void *state)
{
	struct sp_answer_walk *w = state;
	struct sp_scratch *area = w->area;
	struct sp_answer *answer = &area->answer;
	__u64 lives;

	(void)i;
	switch (sp_dns_next(&w->bytes, &area->records)) {
	case SP_DNS_MORE:
		return 0;
	case SP_DNS_ADDRESS:
		break;
	case SP_DNS_BROKEN:
		w->broken = 1;
		return 1;
	default:
		return 1;
	}
	w->addresses++;
	answer->ttl = area->records.ttl;
	__builtin_memcpy(answer->address, area->records.address, 16);
	lives = answer->ttl > w->floor ? answer->ttl : w->floor;
	area->expires = answer->head.time + (lives + w->grace) * 1000000000ULL;
	if (!(answer->flags & SP_ANSWER_UNTRUSTED)) {
		sp_learn_address(area);
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_LEARNED);
	}
	sp_emit(answer, sizeof(*answer), SP_EVENT_ANSWER, answer->head.time, false);
	return 0;
}

/* Was this asked on this socket, of this resolver, for this name? Then the answer's head is filled; -1 if not. Leaves the offset of
 * the records. */
static __always_inline int sp_match_answer(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p,
					   const struct sp_dns_head *head, const struct sp_question_key *key)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};
	struct sp_question *question = bpf_map_lookup_elem(&questions, key);
	struct sp_answer *answer = &area->answer;
	__u64 resolver[2], name;
	__u32 behind;

	if (!question) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNASKED);
		return -1;
	}
	sp_event_head(&answer->head, SP_EVENT_ANSWER, sizeof(*answer), bpf_ktime_get_ns());
	answer->head.cookie = key->cookie;
	answer->head.tgid = question->tgid;
	answer->head.start = question->start;
	answer->head.cgroup = question->cgroup;
	answer->name_hash = question->name_hash;
	answer->flags = question->trusted ? 0 : SP_ANSWER_UNTRUSTED;
	__builtin_memcpy(resolver, question->resolver, 16);
	__builtin_memcpy(answer->resolver, resolver, 16);
	if (resolver[0] != p->source[0] || resolver[1] != p->source[1]) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	behind = sp_dns_name(&bytes, p->payload + SP_DNS_HEADER, &area->dns, area->name.raw);
	sp_hash_key(area->name.key);
	name = behind ? sp_name_read(&area->name, area->dns.length) : 0;
	if (!name || name != answer->name_hash) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	area->records.at = behind + 4;
	area->records.records = head->answers;
	return 0;
}

/* An answer counts only for a question that this socket asked of that resolver. Its addresses stand for the question's name, however
 * long the chain of CNAMEs between, and are known before the application can read them. */
__noinline int sp_read_answer(struct __sk_buff *skb, struct sp_packet *p)
{
	struct sp_answer_walk walk = {.bytes = {.packet = skb, .end = skb->len}};
	struct sp_policy_head *policy_head = sp_policy_in_force();
	struct sp_question_key key = {};
	struct sp_dns_head head;

	if (!p || !policy_head || sp_dns_head(&walk.bytes, p->payload, &head) || !(head.flags & SP_DNS_RESPONSE))
		return 0;
	walk.floor = policy_head->ttl_floor;
	walk.grace = policy_head->ttl_grace;
	key.cookie = bpf_get_socket_cookie(skb);
	key.id = head.id;
	walk.area = sp_scratch_claim();
	if (!walk.area)
		return 0;
	if (sp_match_answer(skb, walk.area, p, &head, &key) == 0) {
		if (walk.area->answer.flags & SP_ANSWER_UNTRUSTED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNTRUSTED);
		if (head.flags & SP_DNS_TRUNCATED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_TRUNCATED);
		bpf_loop(SP_DNS_STEPS, sp_answer_step, &walk, 0);
		if (walk.broken)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_BROKEN);
		else if (walk.addresses == 0)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_EMPTY);
		bpf_map_delete_elem(&questions, &key);
	}
	sp_scratch_release(walk.area);
	return 0;
}

#endif
