/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The vectors of a policy (policy.h) applied to those of a subject. */
#ifndef SALLYPORT_DECIDE_VECTORS_H
#define SALLYPORT_DECIDE_VECTORS_H

#include "search.h"

/* All words, but of a policy of 64 rules the first alone, and of 256 the first four: what is not in use is 0. (Two questions are asked,
 * not one for each word: the verifier follows both answers to each.) */
#define sp_for_each_word(i, count) for (__u32 i = 0; i < SP_WORDS_MAX && ((i != 1 && i != 4) || i < (count)); i++)

static __always_inline void sp_copy(const struct sp_policy_view *p, const struct sp_subject *s, __u64 *into, __u32 vector)
{
	__u64 *words = sp_vector(p, vector);

	sp_for_each_word(i, s->words)
		into[i] = words ? words[i] : 0;
}

static __always_inline void sp_and(const struct sp_policy_view *p, struct sp_subject *s, __u32 vector)
{
	__u64 *words = sp_vector(p, vector);

	if (!words)
		return;
	sp_for_each_word(i, s->words)
		s->candidates[i] &= words[i];
}

static __always_inline void sp_or(const struct sp_policy_view *p, struct sp_subject *s, __u32 vector)
{
	__u64 *words = sp_vector(p, vector);

	if (!words)
		return;
	sp_for_each_word(i, s->words)
		s->matches[i] |= words[i];
}

static __always_inline void sp_clear_matches(struct sp_subject *s)
{
	sp_for_each_word(i, s->words)
		s->matches[i] = 0;
}

#endif
