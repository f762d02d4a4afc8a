/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The first rule that matches, once the candidates and the rules that cover the name are known. */
#ifndef SALLYPORT_DECIDE_CHOICE_H
#define SALLYPORT_DECIDE_CHOICE_H

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

#endif
