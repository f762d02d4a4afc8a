/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The decision. It is independent of hooks: a subject goes in, an action with its reason comes out. docs/deciding.md
 * defines the result, wire/policy.h the layout of the tables. */
#ifndef SALLYPORT_DECIDE_VERDICT_H
#define SALLYPORT_DECIDE_VERDICT_H

#include "bound.h"
#include "unread.h"

static __always_inline void sp_decide_connect(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u8 fallback = p->head->defaults[SP_PHASE_CONNECT];

	s->name_hash = 0;
	sp_clear_matches(s);
	sp_choose(s, fallback);
	if (!(p->head->flags & SP_HAS_NAMES))
		return;
	sp_choose_by_learned(s, fallback);
	if (s->action != SP_DENY)
		return;
	if (s->protocol == IPPROTO_TCP || s->protocol == IPPROTO_UDP)
		sp_choose_to_be_named(p, s);
	if (s->action == SP_DENY && s->reason == SP_BY_DEFAULT)
		sp_find_lapsed(s, fallback);
}

/* Decides phases tls and http. The name that the client sends must have been learned for the address, or the rule must
 * name both. */
static __always_inline void sp_decide_shown(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u8 fallback = p->head->defaults[s->phase == SP_PHASE_TLS ? SP_PHASE_TLS : SP_PHASE_HTTP], named_action;

	if (s->flags & SP_JUDGE_UNREAD) {
		sp_match_unread(s);
		sp_choose(s, fallback);
		sp_explain_unread(s);
		return;
	}
	s->bound = s->name_hash && (s->flags & SP_JUDGE_BOUND || sp_is_bound(s));
	sp_match_name(s, s->name_hash);
	sp_choose(s, fallback);
	if (s->bound || p->head->binding == SP_BINDING_SNI)
		return;
	named_action = s->action;
	sp_leave_unbound(p, s);
	sp_choose(s, fallback);
	if (s->action == SP_DENY && s->reason == SP_BY_DEFAULT && named_action == SP_ALLOW)
		s->reason = s->lapsed ? s->lapsed : SP_NAME_UNBOUND;
}

static __always_inline void sp_decide_dns(const struct sp_policy_view *p, struct sp_subject *s)
{
	if (s->flags & SP_JUDGE_UNREAD)
		sp_match_unread(s);
	else
		sp_match_name(s, s->name_hash);
	sp_choose(s, p->head->defaults[SP_PHASE_DNS]);
	if (s->flags & SP_JUDGE_UNREAD)
		sp_explain_unread(s);
}

static __always_inline bool sp_is_resolver(const __u64 *address)
{
	__u64 key[2] = {address[0], address[1]};

	return bpf_map_lookup_elem(&resolvers, key) != NULL;
}

/* A function, because its caller has no room on the stack. */
__noinline int sp_count_ends(struct sp_subject *s)
{
	struct sp_policy_view p;
	__u64 now;

	if (!s || !sp_open(s, &p))
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (now >= s->head.first_end)
		s->ended = sp_ends_passed(p.rows, s->head.ends_row, now);
	return 0;
}

/* Decides once. s->torn reports that the policy was switched meanwhile. */
__noinline int sp_decide_once(struct sp_subject *s)
{
	struct sp_policy_view p = {.head = &s->head};

	if (!s)
		return 0;
	s->rule = s->alert = SP_NO_RULE;
	s->action = SP_ALLOW;
	s->reason = SP_NO_POLICY;
	s->mode = SP_MODE_OBSERVE;
	s->generation = s->epoch = s->ended = 0;
	s->now = bpf_ktime_get_coarse_ns();
	s->torn = s->must_be_named = s->bound = s->policy_flags = s->lapsed = 0;
	p.rows = sp_take_policy(s);
	if (!p.rows)
		return 0;
	s->generation = p.head->generation;
	if (p.head->first_end)
		sp_count_ends(s);
	s->epoch = sp_epoch(s->generation, s->ended);
	s->mode = p.head->mode;
	s->deny_errno = p.head->deny_errno;
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
