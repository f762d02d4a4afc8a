/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS answers at ingress, and the addresses learned from them. */
#ifndef SALLYPORT_TRAFFIC_ANSWER_H
#define SALLYPORT_TRAFFIC_ANSWER_H

#include "traffic.h"

#define SP_TTL_MAX 604800 /* [s]: a week, the default of BIND's max-cache-ttl */

struct sp_answer_walk {
	struct sp_bytes bytes;
	struct sp_scratch *area;
	__u32 floor, grace, addresses, broken;
};

/* Returns how long an address is kept [ns]. */
static __always_inline __u64 sp_learned_lifetime(__u32 ttl, __u32 floor, __u32 grace)
{
	__u64 lives = ttl > floor ? ttl : floor;

	if (lives > SP_TTL_MAX)
		lives = SP_TTL_MAX;
	return (lives + grace) * SP_NS_PER_S;
}

static long sp_answer_step(__u32 i, void *state)
{
	struct sp_answer_walk *w = state;
	struct sp_scratch *area = w->area;
	struct sp_answer *answer = &area->answer;
	__u32 untrusted = answer->flags & SP_ANSWER_UNTRUSTED;

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
	answer->flags = untrusted;
	__builtin_memcpy(answer->address, area->records.address, 16);
	area->expires = answer->head.time + sp_learned_lifetime(answer->ttl, w->floor, w->grace);
	if (!untrusted) {
		switch (sp_learn_address(area)) {
		case SP_LEARN_CAPPED:
			answer->flags |= SP_ANSWER_CAPPED;
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_CAPPED);
			break;
		case SP_LEARN_LOCAL:
			answer->flags |= SP_ANSWER_LOCAL;
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_LOCAL);
			break;
		default:
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_LEARNED);
		}
	}
	sp_emit(answer, sizeof(*answer), SP_EVENT_ANSWER, answer->head.time, SP_ORDINARY);
	return 0;
}

/* Compares the answer with the question that this socket sent to this resolver: id, name and type. Fills the head of
 * the event and leaves the offset of the records. Returns 0, or -1 if they differ. */
static __always_inline int sp_match_answer(struct sp_scratch *area, const struct sp_packet *p,
					   const struct sp_bytes *bytes, __u32 at, struct sp_question_key *key)
{
	struct sp_answer *answer = &area->answer;
	struct sp_dns_question section;
	struct sp_question *question;
	struct sp_dns_head head;
	__u64 name;

	if (sp_dns_open(&area->dns, bytes, at))
		return -1;
	sp_dns_head_of(area->dns.wire, &head);
	if (head.questions != 1 || sp_dns_question(&area->dns, area->name.raw, &section)) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_BROKEN);
		return -1;
	}
	key->resolver[0] = p->source[0];
	key->resolver[1] = p->source[1];
	key->id = head.id;
	key->type = section.type;
	question = bpf_map_lookup_elem(&questions, key);
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
	__builtin_memcpy(answer->resolver, key->resolver, 16);
	area->name.any = 1;
	sp_hash_key(area->name.key);
	name = sp_name_read(&area->name, section.length);
	if (section.class != SP_DNS_CLASS_IN || !name || name != answer->name_hash) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	if (head.flags & SP_DNS_TRUNCATED)
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_TRUNCATED);
	area->records.at = at + area->dns.at;
	area->records.records = head.answers;
	area->records.part = SP_DNS_RECORDS;
	return 0;
}

/* Reads the answer in [at, end) of the packet, or of `memory` if it is not 0. Only answers to a question that this
 * socket sent to that resolver count. All addresses belong to the name in the question, whatever CNAMEs are between.
 * They are learned before the application can read them. */
__noinline int sp_read_answer(struct __sk_buff *skb, struct sp_packet *p, __u64 memory, __u32 at, __u32 end)
{
	struct sp_answer_walk walk = {.bytes = {.packet = memory ? NULL : skb, .memory = memory, .end = end}};
	struct sp_policy_head *policy_head = sp_policy_in_force();
	struct sp_question_key key = {};
	struct sp_dns_head head;

	if (!p || !policy_head || sp_dns_head(&walk.bytes, at, &head) || !(head.flags & SP_DNS_RESPONSE))
		return 0;
	walk.floor = policy_head->ttl_floor;
	walk.grace = policy_head->ttl_grace;
	key.cookie = bpf_get_socket_cookie(skb);
	walk.area = sp_scratch_claim();
	if (!walk.area)
		return 0;
	if (sp_match_answer(walk.area, p, &walk.bytes, at, &key) == 0) {
		if (walk.area->answer.flags & SP_ANSWER_UNTRUSTED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNTRUSTED);
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
