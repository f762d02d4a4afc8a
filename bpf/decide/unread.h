/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The one rule for what cannot be read, in each phase that reads: a server may take it for any name, method and path.
 * So it matches all deny and alert rules about these, and no allow rule. See "Unread" in docs/deciding.md. */
#ifndef SALLYPORT_DECIDE_UNREAD_H
#define SALLYPORT_DECIDE_UNREAD_H

#include "vectors.h"

/* Returns the rules of one word that match what cannot be read, if they depend on what it says. */
static __always_inline __u64 sp_unread_rule(const struct sp_subject *s, __u32 word)
{
	return s->head.unread == SP_ALLOW ? 0 : ~s->allow_rules[word];
}

/* Applies a condition to a request that cannot be read. */
static __always_inline void sp_and_unread(const struct sp_policy_view *p, struct sp_subject *s, enum sp_vector any)
{
	sp_copy(p, s, s->matches, any);
	sp_for_each_word(i, s->words)
		s->candidates[i] &= s->matches[i] | sp_unread_rule(s, i);
}

static __always_inline void sp_match_unread(struct sp_subject *s)
{
	sp_for_each_word(i, s->words)
		s->matches[i] = sp_unread_rule(s, i);
}

/* Gives a denial of what cannot be read its reason, unless a rule decided that does not depend on reading. */
__noinline int sp_explain_unread(struct sp_subject *s)
{
	struct sp_policy_view p;
	__u64 *method, *path;
	__u32 word, bit;

	if (!s || s->action != SP_DENY || !sp_open(s, &p))
		return 0;
	if (s->rule != SP_NO_RULE) {
		word = s->rule / SP_WORD_BITS % SP_WORDS_MAX;
		bit = s->rule % SP_WORD_BITS;
		method = sp_vector(&p, SP_VEC_ANY_METHOD);
		path = sp_vector(&p, SP_VEC_ANY_PATH);
		if (method && path && (s->unnamed[word] & method[word] & path[word]) >> bit & 1)
			return 0;
	}
	s->reason = SP_UNREAD;
	return 0;
}

#endif
