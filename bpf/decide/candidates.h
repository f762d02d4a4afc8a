/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The rules that each dimension of a subject (address, port, process, name, request) does not exclude, ANDed: the
 * vectors of wire/policy.h. */
#ifndef SALLYPORT_DECIDE_CANDIDATES_H
#define SALLYPORT_DECIDE_CANDIDATES_H

#include "path.h"

struct sp_shape_walk {
	struct sp_policy_view policy;
	struct sp_subject *subject;
};

static long sp_shape_step(__u32 i, void *state)
{
	struct sp_shape_walk *w = state;
	struct sp_subject *s = w->subject;
	__u32 *shapes = sp_row(w->policy.rows, w->policy.head->shapes_row + i / SP_SHAPES_PER_ROW);
	__u32 shape, labels, many, mask, vector;
	struct sp_hash *hash = &s->hash;

	if (!shapes)
		return 1;
	shape = shapes[i % SP_SHAPES_PER_ROW];
	labels = shape & 0xff;
	many = shape >> 8 & 1;
	mask = shape >> 16;
	if (many ? s->labels <= labels : s->labels != labels)
		return 0;
	sp_hash_begin(hash, w->policy.head->hash_key);
	for (__u32 l = 0; l < SP_LABELS_MAX && l < labels; l++)
		sp_hash_word(hash, mask >> l & 1 ? '*' : s->label[(s->labels - 1 - l) % SP_LABELS_MAX]);
	hash->word = mask;
	vector = sp_lookup(s, sp_hash_finish(*hash, labels | many << 7), SP_VEC_NONE);
	if (vector)
		sp_or(&w->policy, s, vector);
	return 0;
}

static __always_inline void sp_keep_labels(struct sp_subject *s, __u64 hash, const struct sp_name *name)
{
	s->labels_of = hash;
	s->labels = name->labels;
	__builtin_memcpy(s->label, name->label, sizeof(s->label));
}

/* Leaves the labels of the name in s->label. Returns false if the name is not known (any more). */
static __always_inline bool sp_find_labels(struct sp_subject *s, __u64 hash)
{
	struct sp_name *name;

	if (s->labels_of == hash)
		return true;
	name = bpf_map_lookup_elem(&names, &hash);
	if (!name)
		return false;
	sp_keep_labels(s, hash, name);
	return true;
}

/* Leaves the rules whose domain covers the name in s->matches. Returns 0 if the name is not known (any more). */
__noinline int sp_match_name(struct sp_subject *s, __u64 name_hash)
{
	struct sp_shape_walk walk = {.subject = s};

	if (!s)
		return 0;
	sp_clear_matches(s);
	if (!name_hash || !sp_open(s, &walk.policy) || !sp_find_labels(s, name_hash))
		return 0;
	bpf_loop(walk.policy.head->shapes, sp_shape_step, &walk, 0);
	return 1;
}

struct sp_ids_walk {
	const struct sp_policy_view *policy;
	struct sp_subject *subject;
	struct sp_cgroup_ids *ids;
	__u32 from;
};

static long sp_ids_step(__u32 i, void *state)
{
	struct sp_ids_walk *w = state;
	__u32 found = sp_lookup(w->subject, w->ids->hash[(w->from + i) % SP_IDS_MAX], SP_VEC_NONE);

	if (found)
		sp_or(w->policy, w->subject, found);
	return 0;
}

/* Several rules may name this cgroup (its unit, its slices), so their vectors are ORed with that of the rules that name
 * none. */
static __always_inline void sp_and_ids(struct sp_ids_walk *w, enum sp_vector any, __u32 from, __u32 count)
{
	struct sp_subject *s = w->subject;

	sp_copy(w->policy, s, s->matches, any);
	w->from = from;
	bpf_loop(count, sp_ids_step, w, 0);
	sp_for_each_word(i, s->words)
		s->candidates[i] &= s->matches[i];
}

/* The cgroup or the program is unknown. An allow rule that names one must not match, and a deny or alert rule must. */
static __always_inline void sp_and_unknown(const struct sp_policy_view *p, struct sp_subject *s, enum sp_vector any)
{
	sp_copy(p, s, s->matches, any);
	sp_for_each_word(i, s->words)
		s->candidates[i] &= s->matches[i] | ~s->allow_rules[i];
}

static __always_inline struct sp_cgroup_ids *sp_ids_of_cgroup(__u64 id)
{
	struct sp_cgroup_ids *ids = bpf_map_lookup_elem(&cgroups, &id);

	return ids ? ids : bpf_map_lookup_elem(&user_cgroups, &id);
}

__noinline int sp_and_cgroup(struct sp_subject *s)
{
	struct sp_policy_view p;
	struct sp_ids_walk walk = {.policy = &p, .subject = s};

	if (!s || !sp_open(s, &p))
		return 0;
	walk.ids = sp_ids_of_cgroup(s->cgroup);
	if (!walk.ids || walk.ids->unknown) {
		sp_and_unknown(&p, s, SP_VEC_ANY_UNIT);
		sp_and_unknown(&p, s, SP_VEC_ANY_CONTAINER);
		sp_and_unknown(&p, s, SP_VEC_ANY_CGROUP);
		return 0;
	}
	sp_and_ids(&walk, SP_VEC_ANY_UNIT, SP_IDS_UNIT, walk.ids->units);
	sp_and_ids(&walk, SP_VEC_ANY_CONTAINER, SP_IDS_CONTAINER, walk.ids->containers);
	sp_and_ids(&walk, SP_VEC_ANY_CGROUP, SP_IDS_PATH, walk.ids->paths);
	return 0;
}

static __always_inline __u64 sp_user_hash(const struct sp_policy_view *p, __u32 uid)
{
	struct sp_hash h;

	sp_hash_begin(&h, p->head->hash_key);
	h.word = 'i' | (__u64)uid << 8;
	return sp_hash_finish(h, 1 + sizeof(uid));
}

static __always_inline bool sp_is_v4(const __u64 *address)
{
	return address[0] == 0 && (__u32)address[1] == bpf_htonl(0xffff);
}

/* Copies the vectors that every decision needs. */
static __always_inline void sp_copy_always(const struct sp_policy_view *p, struct sp_subject *s)
{
	__u32 phase = 2 * (s->phase % SP_PHASES);
	__u64 *always = NULL;

	sp_for_each_word(i, s->words) {
		__u32 odd = i % 2;

		if (!odd)
			always = sp_row(p->rows, p->head->always_row + i / 2);
		if (!always)
			return;
		s->candidates[i] = always[(sp_opaque(phase) + odd) % SP_ALWAYS_ALERT];
		s->alert_rules[i] = always[SP_ALWAYS_ALERT + odd];
		s->allow_rules[i] = always[SP_ALWAYS_ALLOW + odd];
		s->unnamed[i] = always[SP_ALWAYS_UNNAMED + odd];
	}
}

/* Applies all dimensions except the name. Leaves s->candidates, and the vectors that sp_choose needs. */
__noinline int sp_find_candidates(struct sp_subject *s)
{
	struct sp_policy_trees *trees;
	struct sp_policy_view p;
	__u32 flags;

	if (!s || !sp_open(s, &p))
		return 0;
	trees = sp_row(p.rows, 1);
	flags = p.head->flags;
	sp_copy_always(&p, s);
	if (s->phase != SP_PHASE_DNS && trees) {
		if (sp_is_v4(s->remote))
			sp_and(&p, s, sp_find32(p.rows, trees, SP_TREE_V4, bpf_ntohl(s->remote[1] >> 32), &s->node));
		else
			sp_and(&p, s,
			       sp_find128(p.rows, trees, bpf_be64_to_cpu(s->remote[0]), bpf_be64_to_cpu(s->remote[1]),
					  &s->node));
		sp_and(&p, s,
		       sp_find32(p.rows, trees, SP_TREE_PORTS, (__u32)s->protocol << 16 | s->remote_port, &s->node));
	}
	if (flags & SP_HAS_EXE) {
		if (s->exe_hash)
			sp_and(&p, s, sp_lookup(s, s->exe_hash, SP_VEC_ANY_EXE));
		else
			sp_and_unknown(&p, s, SP_VEC_ANY_EXE);
	}
	if (flags & SP_HAS_USER)
		sp_and(&p, s, sp_lookup(s, sp_user_hash(&p, s->uid), SP_VEC_ANY_USER));
	if (flags & SP_HAS_CGROUP)
		sp_and_cgroup(s);
	if (s->ended)
		sp_and(&p, s, p.head->left + s->ended);
	return 0;
}

#endif
