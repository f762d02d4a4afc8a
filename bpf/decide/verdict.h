/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The decision. It is independent of hooks: a subject goes in, an action with its reason comes out. docs/deciding.md
 * defines the result, wire/policy.h the layout of the tables. */
#ifndef SALLYPORT_DECIDE_VERDICT_H
#define SALLYPORT_DECIDE_VERDICT_H

#include "candidates.h"
#include "../kernel/report.h"

static __always_inline __u64 sp_matching(const struct sp_subject *s, __u32 word)
{
	return s->candidates[word] & (s->unnamed[word] | s->matches[word]);
}

/* The lowest bit in many words, found without a branch: the verifier would follow the rest once for each word. */
struct sp_lowest {
	__u64 word; /* the first that is not 0 */
	__u32 index; /* of that word */
};

/* Returns all ones if the word is not 0. */
static __always_inline __u64 sp_if_any(__u64 word)
{
	return (__s64)sp_opaque64(word | -word) >> 63;
}

static __always_inline void sp_lowest_add(struct sp_lowest *l, __u64 word, __u32 index)
{
	__u64 none = ~sp_if_any(l->word);

	l->word |= word & none;
	l->index |= index & none & sp_if_any(word);
}

/* Writes the first deciding candidate, and the first alert before it, into s->rule, alert, action and reason. */
__noinline int sp_choose(struct sp_subject *s, __u8 fallback)
{
	struct sp_lowest final = {}, alert = {};
	__u32 first, word;

	if (!s)
		return 0;
	s->rule = s->alert = SP_NO_RULE;
	s->action = fallback;
	s->reason = SP_BY_DEFAULT;
	sp_for_each_word(i, s->words) {
		__u64 matching = sp_matching(s, i);

		sp_lowest_add(&final, matching & ~s->alert_rules[i], i);
		sp_lowest_add(&alert, matching & s->alert_rules[i], i);
	}
	if (final.word) {
		first = sp_first_bit(final.word);
		word = final.index % SP_WORDS_MAX;
		s->rule = word * SP_WORD_BITS + first;
		s->action = s->allow_rules[word] >> first % SP_WORD_BITS & 1 ? SP_ALLOW : SP_DENY;
		s->reason = SP_BY_RULE;
	}
	if (alert.word) {
		first = alert.index % SP_WORDS_MAX * SP_WORD_BITS + sp_first_bit(alert.word);
		if (first < s->rule)
			s->alert = first;
	}
	return 0;
}

/* The key is copied to the stack: see "map keys" in wire/verifier.h. */
static __always_inline struct sp_learned *sp_learned_of(const __u64 *address)
{
	__u64 key[2] = {address[0], address[1]};

	return bpf_map_lookup_elem(&learned, key);
}

static __always_inline bool sp_learned_is(const struct sp_learned *l, const __u64 *address)
{
	return l->address[0] == address[0] && l->address[1] == address[1];
}

/* True if the address was learned for exactly this name. */
static __always_inline bool sp_is_bound(const struct sp_subject *s, __u64 now)
{
	struct sp_learned *l = sp_learned_of(s->remote);
	bool bound = false;

	if (!l)
		return false;
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++)
		if (l->name[i] == s->name_hash && (s->flags & SP_JUDGE_LIVE || l->expires[i] > now))
			bound = true;
	return bound && sp_learned_is(l, s->remote);
}

static __always_inline void sp_save_choice(struct sp_choice *choice, const struct sp_subject *s)
{
	choice->rule = s->rule;
	choice->alert = s->alert;
	choice->action = s->action;
	choice->reason = s->reason;
}

static __always_inline void sp_restore_choice(struct sp_subject *s, const struct sp_choice *choice)
{
	s->rule = choice->rule;
	s->alert = choice->alert;
	s->action = choice->action;
	s->reason = choice->reason;
}

/* Tries each name that was learned for the address as the name of the connection. A name that leads to allow is
 * preferred, then the one that expires last. A plain loop, to save a frame. */
__noinline int sp_choose_by_learned(struct sp_subject *s, __u8 fallback)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct sp_learned *l;

	if (!s)
		return 0;
	l = sp_learned_of(s->remote);
	if (!l)
		return 0;
	s->best_name = s->best_expires = 0;
	sp_save_choice(&s->best, s);
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		__u64 name = l->name[i], expires = l->expires[i];

		if (!name)
			break;
		if (!(s->flags & SP_JUDGE_LIVE) && expires <= now)
			continue;
		if (!sp_match_name(s, name))
			continue;
		sp_choose(s, fallback);
		if (!s->best_name || (s->action == SP_ALLOW && s->best.action != SP_ALLOW) ||
		    (s->action == s->best.action && expires > s->best_expires)) {
			sp_save_choice(&s->best, s);
			s->best_name = name;
			s->best_expires = expires;
		}
	}
	sp_restore_choice(s, &s->best);
	if (sp_learned_is(l, s->remote))
		s->name_hash = s->best_name;
	else
		s->torn = 1;
	return 0;
}

static __always_inline void sp_decide_connect(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u8 fallback = p->head->defaults[SP_PHASE_CONNECT];
	struct sp_choice choice;

	s->name_hash = 0;
	sp_clear_matches(s);
	sp_choose(s, fallback);
	if (!(p->head->flags & SP_HAS_NAMES))
		return;
	sp_choose_by_learned(s, fallback);
	if (s->action != SP_DENY || p->head->binding != SP_BINDING_SNI ||
	    (s->protocol != IPPROTO_TCP && s->protocol != IPPROTO_UDP))
		return;
	sp_save_choice(&choice, s);
	sp_for_each_word(i, s->words)
		s->matches[i] = ~s->unnamed[i] & s->allow_rules[i];
	sp_choose(s, SP_DENY);
	if (s->action == SP_ALLOW && !(s->unnamed[s->rule / SP_WORD_BITS % SP_WORDS_MAX] >> s->rule % SP_WORD_BITS & 1))
		s->must_be_named = 1;
	else
		sp_restore_choice(s, &choice);
}

/* Decides phases tls and http. The name that the client sends must have been learned for the address. */
static __always_inline void sp_decide_shown(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u8 fallback = p->head->defaults[s->phase == SP_PHASE_TLS ? SP_PHASE_TLS : SP_PHASE_HTTP], named_action;

	s->bound = s->name_hash && (s->flags & SP_JUDGE_BOUND || sp_is_bound(s, bpf_ktime_get_coarse_ns()));
	sp_match_name(s, s->name_hash);
	sp_choose(s, fallback);
	if (s->bound || p->head->binding == SP_BINDING_SNI)
		return;
	named_action = s->action;
	sp_for_each_word(i, s->words)
		s->matches[i] &= ~s->allow_rules[i];
	sp_choose(s, fallback);
	if (s->action == SP_DENY && s->reason == SP_BY_DEFAULT && named_action == SP_ALLOW)
		s->reason = SP_NAME_UNBOUND;
}

static __always_inline void sp_decide_dns(const struct sp_policy_view *p, struct sp_subject *s)
{
	if (s->flags & SP_JUDGE_ANY_NAME) {
		sp_for_each_word(i, s->words)
			s->matches[i] = ~s->allow_rules[i];
	} else {
		sp_match_name(s, s->name_hash);
	}
	sp_choose(s, p->head->defaults[SP_PHASE_DNS]);
}

static __always_inline bool sp_is_resolver(const __u64 *address)
{
	__u64 key[2] = {address[0], address[1]};

	return bpf_map_lookup_elem(&resolvers, key) != NULL;
}

/* Decides once. s->torn reports that the policy was switched meanwhile. */
__noinline int sp_decide_once(struct sp_subject *s)
{
	struct sp_policy_view p = {.head = &s->head};
	struct sp_policy_head *head;
	__u32 zero = 0;

	if (!s)
		return 0;
	s->policy = 0;
	s->rule = s->alert = SP_NO_RULE;
	s->action = SP_ALLOW;
	s->reason = SP_NO_POLICY;
	s->mode = SP_MODE_OBSERVE;
	s->generation = 0;
	s->torn = s->must_be_named = s->bound = s->policy_flags = 0;
	p.rows = bpf_map_lookup_elem(&policy, &zero);
	if (!p.rows)
		return 0;
	head = sp_row(p.rows, 0);
	if (!head || head->magic != SP_POLICY_MAGIC)
		return 0;
	s->policy = (__u64)p.rows;
	s->head = *head;
	s->generation = p.head->generation;
	s->mode = p.head->mode;
	s->deny_errno = p.head->deny_errno;
	s->words = p.head->words;
	s->policy_flags = p.head->flags;
	if (s->phase == SP_PHASE_CONNECT && s->remote_port == SP_DNS_PORT && !(s->flags & SP_JUDGE_NOT_DNS) &&
	    (s->protocol == IPPROTO_UDP || s->protocol == IPPROTO_TCP) && sp_is_resolver(s->remote)) {
		s->reason = SP_BY_RESOLVER;
		return 0;
	}
	sp_find_candidates(s);
	if (s->phase == SP_PHASE_HTTP && s->policy_flags & (SP_HAS_METHOD | SP_HAS_PATH | SP_HAS_STATUS))
		sp_and_request(s);
	if (s->phase == SP_PHASE_CONNECT)
		sp_decide_connect(&p, s);
	else if (s->phase == SP_PHASE_DNS)
		sp_decide_dns(&p, s);
	else
		sp_decide_shown(&p, s);
	return 0;
}

/* Decides `s` by one complete policy, even if policies are switched meanwhile. The result is in the out fields. */
static __always_inline void sp_decide(struct sp_subject *s)
{
	__u64 name = s->name_hash;

	sp_decide_once(s);
	for (int again = 0; again < 3 && s->torn; again++) {
		s->name_hash = name;
		sp_decide_once(s);
	}
	if (s->torn) { /* four switches within microseconds */
		s->rule = s->alert = SP_NO_RULE;
		s->action = SP_DENY;
		s->reason = SP_NO_ROOM;
	}
}

#endif
