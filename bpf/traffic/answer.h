/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS answers at ingress, and the addresses learned from them. */
#ifndef SALLYPORT_TRAFFIC_ANSWER_H
#define SALLYPORT_TRAFFIC_ANSWER_H

#include "../who/addresses.h"
#include "local.h"
#include "stands_for.h"

#define SP_TTL_MAX 604800 /* [s]: a week, the default of BIND's max-cache-ttl */

struct sp_answer_walk {
	struct sp_bytes bytes;
	struct sp_scratch *area;
};

/* Returns how long an address is kept [ns]. */
static __always_inline __u64 sp_learned_lifetime(const struct sp_learning *l, __u32 ttl)
{
	__u64 lives = ttl > l->floor ? ttl : l->floor;

	if (lives > SP_TTL_MAX)
		lives = SP_TTL_MAX;
	return (lives + l->grace) * SP_NS_PER_S;
}

/* The address belongs to the name that the question stands for, too. */
static __always_inline void sp_learn_for_other(struct sp_scratch *area)
{
	__u64 asked = area->answer.name_hash;
	__u8 covered = area->learning.covered;

	if (!area->stands_for || area->stands_for == asked)
		return;
	area->answer.name_hash = area->stands_for;
	area->learning.covered = area->learning.other_covered;
	sp_learn_address(area);
	area->answer.name_hash = asked;
	area->learning.covered = covered;
}

/* Reads the name at an offset in area->dns. Returns its length. */
__noinline __u32 sp_read_target(struct sp_scratch *area, __u32 at)
{
	if (!area)
		return 0;
	area->dns.at = at;
	return sp_dns_name(&area->dns, area->name.raw) ? 0 : area->dns.length;
}

/* Lets a name, the target of a record, stand for the name that has the record. */
__noinline int sp_keep_target(struct sp_scratch *area, __u64 name)
{
	struct sp_target_key key = {.name = name};
	struct sp_target value = {};

	if (!area || !name || name == area->stands_for)
		return 0;
	key.netns = area->learning.netns;
	value.stands_for = area->stands_for;
	value.expires = area->expires;
	if (bpf_map_update_elem(&targets, &key, &value, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_TARGETS);
	return 0;
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
	case SP_DNS_NAME:
		area->learning.target_lives = sp_learned_lifetime(&area->learning, area->records.ttl);
		if (area->target_count < SP_DNS_TARGETS_MAX)
			area->target_at[area->target_count++ % SP_DNS_TARGETS_MAX] = area->records.target -
										     area->message;
		return 0;
	case SP_DNS_BROKEN:
		area->learning.broken = 1;
		return 1;
	default:
		return 1;
	}
	area->learning.addresses++;
	answer->ttl = area->records.ttl;
	answer->flags = untrusted;
	answer->outcome = SP_OUTCOME_ANSWERED;
	__builtin_memcpy(answer->address, area->records.address, 16);
	area->expires = answer->head.time + sp_learned_lifetime(&area->learning, answer->ttl);
	if (!untrusted) {
		sp_learn_for_other(area);
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

/* The outcome of a question whose answer has no address. */
static __always_inline __u8 sp_outcome_of(const struct sp_dns_head *head, __u16 type)
{
	if (head->flags & SP_DNS_TRUNCATED)
		return SP_OUTCOME_TRUNCATED;
	switch (head->flags & SP_DNS_RCODE) {
	case SP_DNS_NOERROR:
		return head->answers == 0 || type == SP_DNS_A || type == SP_DNS_AAAA ? SP_OUTCOME_NODATA
										     : SP_OUTCOME_ANSWERED;
	case SP_DNS_NXDOMAIN:
		return SP_OUTCOME_NXDOMAIN;
	case SP_DNS_SERVFAIL:
		return SP_OUTCOME_SERVFAIL;
	case SP_DNS_REFUSED:
		return SP_OUTCOME_REFUSED;
	default:
		return SP_OUTCOME_OTHER;
	}
}

/* Compares the answer with the question that this socket sent to this resolver: id, name and type. Fills the head of
 * the event and leaves the offset of the records. Returns 0, or -1 if they differ. */
static __always_inline int sp_match_answer(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p,
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
	if (!question || !sp_came_back(skb, question)) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNASKED);
		return -1;
	}
	sp_event_head(&answer->head, SP_EVENT_ANSWER, sizeof(*answer), bpf_ktime_get_ns());
	answer->head.cookie = key->cookie;
	answer->head.tgid = question->tgid;
	answer->head.start = question->start;
	answer->head.cgroup = question->cgroup;
	answer->name_hash = question->name_hash;
	answer->query_type = section.type;
	answer->query_id = head.id;
	answer->outcome = sp_outcome_of(&head, section.type);
	area->stands_for = question->stands_for;
	area->message = at;
	area->target_count = 0;
	answer->flags = question->flags & SP_QUESTION_TRUSTED ? 0 : SP_ANSWER_UNTRUSTED;
	answer->netns = question->netns;
	__builtin_memcpy(answer->resolver, key->resolver, 16);
	area->name.any = 1;
	sp_hash_key(area->name.key);
	name = sp_name_read(&area->name, section.length);
	if (section.class != SP_DNS_CLASS_IN || !name || name != answer->name_hash) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	sp_keep_labels(&area->subject, name, &area->name.entry);
	if (head.flags & SP_DNS_TRUNCATED)
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_TRUNCATED);
	area->records.at = at + area->dns.at;
	area->records.records = head.answers;
	area->records.part = SP_DNS_RECORDS;
	return 0;
}

static __always_inline void sp_report_empty(struct sp_scratch *area)
{
	struct sp_answer *answer = &area->answer;

	answer->ttl = 0;
	answer->flags |= SP_ANSWER_EMPTY;
	__builtin_memset(answer->address, 0, sizeof(answer->address));
	sp_emit(answer, sizeof(*answer), SP_EVENT_ANSWER, answer->head.time, SP_ORDINARY);
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
	key.cookie = bpf_get_socket_cookie(skb);
	walk.area = sp_scratch_claim();
	if (!walk.area)
		return 0;
	walk.area->learning.floor = policy_head->ttl_floor;
	walk.area->learning.grace = policy_head->ttl_grace;
	walk.area->learning.addresses = walk.area->learning.broken = 0;
	walk.area->learning.target_lives = 0;
	if (sp_match_answer(skb, walk.area, p, &walk.bytes, at, &key) == 0) {
		sp_begin_learning(walk.area, walk.area->answer.netns, walk.area->answer.head.cgroup);
		walk.area->learning.other_covered =
			walk.area->stands_for ? sp_is_covered(&walk.area->subject, walk.area->stands_for) : 0;
		if (walk.area->answer.flags & SP_ANSWER_UNTRUSTED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNTRUSTED);
		bpf_loop(SP_DNS_STEPS, sp_answer_step, &walk, 0);
		if (walk.area->stands_for && !(walk.area->answer.flags & SP_ANSWER_UNTRUSTED)) {
			walk.area->expires = walk.area->answer.head.time + walk.area->learning.target_lives;
			for (__u32 i = 0; i < SP_DNS_TARGETS_MAX && i < walk.area->target_count; i++) {
				/* calls side by side need less stack than nested ones */
				end = sp_read_target(walk.area, walk.area->target_at[i]);
				sp_keep_target(walk.area, sp_name_read(&walk.area->name, end));
			}
		}
		if (walk.area->learning.broken)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_BROKEN);
		else if (walk.area->learning.addresses == 0)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_EMPTY);
		if (walk.area->learning.addresses == 0)
			sp_report_empty(walk.area);
		bpf_map_delete_elem(&questions, &key);
	}
	sp_scratch_release(walk.area);
	return 0;
}

#endif
