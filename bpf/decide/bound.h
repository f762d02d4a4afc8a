/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The decision by the names that DNS gave to an address. */
#ifndef SALLYPORT_DECIDE_BOUND_H
#define SALLYPORT_DECIDE_BOUND_H

#include "choice.h"

/* Where names of an address are kept, in the order in which they are looked up: usually the first has the answer. */
enum sp_bound_in { SP_COVERED_HERE, SP_COVERED_ANYWHERE, SP_LEARNED_HERE, SP_BOUND_PLACES };

/* The key is on the stack: see "map keys" in wire/verifier.h. */
static __always_inline struct sp_learned *sp_learned_of(const struct sp_subject *s, __u32 place)
{
	struct sp_learned_key key = {
		.netns = place == SP_COVERED_ANYWHERE ? SP_NETNS_ANY : s->netns,
		.address = {s->remote[0], s->remote[1]},
	};

	return place == SP_LEARNED_HERE ? bpf_map_lookup_elem(&learned, &key) : bpf_map_lookup_elem(&covered, &key);
}

static __always_inline bool sp_learned_is(const struct sp_learned *l, const struct sp_subject *s, __u32 place)
{
	return l->key.address[0] == s->remote[0] && l->key.address[1] == s->remote[1] &&
	       l->key.netns == (place == SP_COVERED_ANYWHERE ? SP_NETNS_ANY : s->netns);
}

/* Returns 0 if the name in the slot counts, or the reason why it does not. */
static __always_inline __u8 sp_slot_lapsed(const struct sp_learned *l, __u32 slot, const struct sp_subject *s)
{
	if (l->flags[slot] & SP_SLOT_CAPPED)
		return SP_NAME_CAPPED;
	return s->flags & SP_JUDGE_LIVE || l->expires[slot] > s->now ? 0 : SP_NAME_EXPIRED;
}

/* True if the address was learned for exactly this name. */
__noinline int sp_is_bound_in(struct sp_subject *s, __u32 place)
{
	struct sp_learned *l;
	bool bound = false;
	__u8 lapsed;

	if (!s)
		return 0;
	l = sp_learned_of(s, place);
	if (!l)
		return 0;
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		if (l->name[i] != s->name_hash)
			continue;
		lapsed = sp_slot_lapsed(l, i, s);
		if (lapsed)
			s->lapsed = lapsed;
		else
			bound = true;
	}
	return bound && sp_learned_is(l, s, place);
}

static __always_inline bool sp_is_bound(struct sp_subject *s)
{
	return sp_is_bound_in(s, SP_COVERED_HERE) || sp_is_bound_in(s, SP_COVERED_ANYWHERE) ||
	       sp_is_bound_in(s, SP_LEARNED_HERE);
}

/* Tries each name in one place as the name of the connection, and keeps the best choice in s->best. A name that leads
 * to allow is preferred, then the one that expires last. `lapsed`: tries those that do not count, and keeps in
 * s->lapsed why one that leads to allow does not. A plain loop, to save a frame. */
__noinline int sp_try_learned(struct sp_subject *s, __u8 fallback, __u32 place, bool lapsed)
{
	struct sp_learned *l;

	if (!s)
		return 0;
	l = sp_learned_of(s, place);
	if (!l)
		return 0;
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		__u64 name = l->name[i];
		__u8 why;

		if (!name)
			break;
		why = sp_slot_lapsed(l, i, s);
		if (!why == lapsed)
			continue;
		if (!sp_match_name(s, name))
			continue;
		sp_choose(s, fallback);
		if (lapsed ? s->action == SP_ALLOW
			   : !s->best_name || (s->action == SP_ALLOW && s->best.action != SP_ALLOW) ||
				     (s->action == s->best.action && l->expires[i] > s->best_expires)) {
			if (!lapsed)
				sp_save_choice(&s->best, s);
			s->lapsed = why;
			s->best_name = name;
			s->best_expires = l->expires[i];
		}
	}
	if (!sp_learned_is(l, s, place))
		s->torn = 1;
	return 0;
}

static __always_inline void sp_choose_by_learned(struct sp_subject *s, __u8 fallback)
{
	s->best_name = s->best_expires = 0;
	sp_save_choice(&s->best, s);
	for (__u32 place = 0; place < SP_BOUND_PLACES; place++) {
		sp_try_learned(s, fallback, place, false);
		if (s->best_name && s->best.action == SP_ALLOW)
			break;
	}
	sp_restore_choice(s, &s->best);
	s->name_hash = s->best_name;
}

/* The default denies: says so if a name of the address has lapsed that a rule allows. */
static __always_inline void sp_find_lapsed(struct sp_subject *s, __u8 fallback)
{
	sp_save_choice(&s->best, s);
	for (__u32 place = 0; place < SP_BOUND_PLACES && !s->lapsed; place++)
		sp_try_learned(s, fallback, place, true);
	sp_restore_choice(s, &s->best);
	if (!s->lapsed)
		return;
	s->reason = s->lapsed;
	s->name_hash = s->best_name;
}

/* Rules with a cidr and a domain need no learned address: both are shown. Returns NULL if there are none. */
static __always_inline __u64 *sp_placed(const struct sp_policy_view *p)
{
	return p->head->flags & SP_HAS_PLACED ? sp_vector(p, SP_VEC_PLACED) : NULL;
}

/* True if a rule with a domain allowed it. */
static __always_inline bool sp_is_by_name(const struct sp_subject *s)
{
	return s->action == SP_ALLOW && s->rule != SP_NO_RULE &&
	       !(s->unnamed[s->rule / SP_WORD_BITS % SP_WORDS_MAX] >> s->rule % SP_WORD_BITS & 1);
}

/* Phase connect relied on a name: a rule with a domain must have allowed it, because a default allows any name. */
static __always_inline void sp_require_name(struct sp_subject *s)
{
	if (s->action != SP_ALLOW || sp_is_by_name(s))
		return;
	s->action = SP_DENY;
	s->reason = SP_NOT_TLS;
	s->rule = SP_NO_RULE;
}

/* Phases tls and http, strict binding: leaves the allow rules that match a name which was not learned. */
static __always_inline void sp_leave_unbound(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u64 *placed = sp_placed(p);

	sp_for_each_word(i, s->words)
		s->matches[i] &= ~s->allow_rules[i] | (placed ? placed[i] : 0);
}

/* Phase connect denies: tries the allow rules whose name the first bytes of the connection must show. */
static __always_inline void sp_choose_to_be_named(const struct sp_policy_view *p, struct sp_subject *s)
{
	bool any = p->head->binding == SP_BINDING_SNI;
	__u64 *placed = sp_placed(p);

	if (!any && !placed)
		return;
	sp_save_choice(&s->best, s);
	sp_for_each_word(i, s->words)
		s->matches[i] = ~s->unnamed[i] & s->allow_rules[i] & (any ? ~0ULL : placed ? placed[i] : 0);
	sp_choose(s, SP_DENY);
	if (sp_is_by_name(s))
		s->must_be_named = 1;
	else
		sp_restore_choice(s, &s->best);
}

#endif
