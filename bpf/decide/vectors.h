/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Operations on the vectors of a policy (wire/policy.h) and of a subject. */
#ifndef SALLYPORT_DECIDE_VECTORS_H
#define SALLYPORT_DECIDE_VECTORS_H

#include "search.h"

/* Visits 1, 4 or 16 words of a vector; unused ones are zero. The count is compared only twice, because the verifier
 * follows both results of each comparison. */
#define sp_for_each_word(i, count) for (__u32 i = 0; i < SP_WORDS_MAX && ((i != 1 && i != 4) || i < (count)); i++)

static __always_inline void sp_copy(const struct sp_policy_view *p, const struct sp_subject *s, __u64 *into,
				    __u32 vector)
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
