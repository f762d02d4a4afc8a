/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Look-ups in the policy in force: rows, intervals, hashes. For the layout see wire/policy.h. */
#ifndef SALLYPORT_DECIDE_SEARCH_H
#define SALLYPORT_DECIDE_SEARCH_H

#include "hash.h"
#include "../wire/verifier.h"
#include "../kernel/maps.h"
#include "subject.h"

struct sp_policy_view {
	void *rows;
	const struct sp_policy_head *head; /* the subject's copy, because a row takes a helper call */
};

/* Global functions cannot take a pointer into the policy, so each opens it again. s->policy detects a switch in
 * between: see "global functions" in wire/verifier.h. */

static __always_inline void *sp_row(void *rows, __u32 row)
{
	return bpf_map_lookup_elem(rows, &row);
}

static __always_inline bool sp_open(struct sp_subject *s, struct sp_policy_view *p)
{
	__u32 zero = 0;

	p->rows = bpf_map_lookup_elem(&policy, &zero);
	p->head = &s->head;
	if (!p->rows)
		return false;
	if ((__u64)p->rows == s->policy)
		return true;
	s->torn = 1;
	return false;
}

/* Copies the head of the policy in force, by which the subject is decided from here on. Returns its rows, or NULL. */
static __always_inline void *sp_take_policy(struct sp_subject *s)
{
	struct sp_policy_head *head;
	__u32 zero = 0;
	void *rows;

	s->policy = 0;
	rows = bpf_map_lookup_elem(&policy, &zero);
	if (!rows)
		return NULL;
	head = sp_row(rows, 0);
	if (!head || head->magic != SP_POLICY_MAGIC)
		return NULL;
	s->policy = (__u64)rows;
	s->head = *head;
	s->words = head->words;
	return rows;
}

static __always_inline __u64 *sp_vector(const struct sp_policy_view *p, __u32 vector)
{
	return sp_row(p->rows, p->head->vectors_row + vector);
}

/* Returns 1 if a < b, without a branch: the verifier would follow every path through a search. */
static __always_inline __u32 sp_less32(__u32 a, __u32 b)
{
	return sp_opaque(sp_opaque64((__u64)a - b) >> 63);
}

static __always_inline __u32 sp_less64(__u64 a, __u64 b)
{
	return sp_opaque64((~a & b) | ((~a | b) & (a - b))) >> 63;
}

/* Returns the number of ends that have passed. */
static __always_inline __u32 sp_ends_passed(void *rows, __u32 ends_row, __u64 now)
{
	__u32 passed = 0;
	__u64 *ends;

	for (__u32 step = SP_ENDS_MAX / 2; step; step /= 2) {
		ends = sp_row(rows, ends_row + (passed + step - 1) / SP_ENDS_PER_ROW);
		if (!ends)
			return 0;
		passed += step * (1 - sp_less64(now, ends[(passed + step - 1) % SP_ENDS_PER_ROW]));
	}
	ends = sp_row(rows, ends_row + passed / SP_ENDS_PER_ROW);
	if (!ends)
		return 0;
	return sp_opaque(passed + 1 - sp_less64(now, ends[passed % SP_ENDS_PER_ROW]));
}

static __always_inline __u32 sp_epoch(__u32 generation, __u32 ended)
{
	return generation ^ ended << SP_EPOCH_SHIFT;
}

static __always_inline __u32 sp_less128(const struct sp_key6 *a, __u64 hi, __u64 lo)
{
	__u64 differs = sp_opaque64((a->hi ^ hi) | -(a->hi ^ hi));

	return sp_opaque(sp_less64(a->hi, hi) | (sp_less64(a->lo, lo) & ~(__u32)(differs >> 63)));
}

/* `node` is working memory: see "state in memory" in wire/verifier.h. */
static __always_inline __u32 sp_find32(void *rows, const struct sp_policy_trees *trees, enum sp_tree tree, __u32 key,
				       __u32 *node)
{
	__u32 depth = trees->depth[tree], *keys, i;

	if (depth >= SP_TREE_LEVELS)
		return SP_VEC_NONE;
	*node = 0;
	for (int level = 0; level < SP_TREE_LEVELS - 1; level++) {
		if (level >= depth)
			break;
		keys = sp_row(rows, trees->base[tree][level] + *node);
		if (!keys)
			return SP_VEC_NONE;
		i = sp_less32(keys[15], key) << 4;
		i += sp_less32(keys[(i + 7) & 31], key) << 3;
		i += sp_less32(keys[(i + 3) & 31], key) << 2;
		i += sp_less32(keys[(i + 1) & 31], key) << 1;
		i += sp_less32(keys[i & 31], key);
		*node = *node * 32 + i;
	}
	depth = trees->depth[tree]; /* read again, so that the verifier has one state for all depths */
	if (depth >= SP_TREE_LEVELS)
		return SP_VEC_NONE;
	keys = sp_row(rows, trees->base[tree][depth] + *node);
	if (!keys)
		return SP_VEC_NONE;
	i = sp_less32(keys[7], key) << 3;
	i += sp_less32(keys[(i + 3) & 15], key) << 2;
	i += sp_less32(keys[(i + 1) & 15], key) << 1;
	i += sp_less32(keys[i & 15], key);
	return keys[16 + (i & 15)];
}

static __always_inline __u32 sp_find128(void *rows, const struct sp_policy_trees *trees, __u64 hi, __u64 lo,
					__u32 *node)
{
	__u32 depth = trees->depth[SP_TREE_V6], i;
	struct sp_key6 *keys;
	__u32 *vectors;

	if (depth >= SP_TREE_LEVELS)
		return SP_VEC_NONE;
	*node = 0;
	for (int level = 0; level < SP_TREE_LEVELS - 1; level++) {
		if (level >= depth)
			break;
		keys = sp_row(rows, trees->base[SP_TREE_V6][level] + *node);
		if (!keys)
			return SP_VEC_NONE;
		i = sp_less128(&keys[3], hi, lo) << 2;
		i += sp_less128(&keys[(i + 1) & 7], hi, lo) << 1;
		i += sp_less128(&keys[i & 7], hi, lo);
		*node = *node * 8 + i;
	}
	depth = trees->depth[SP_TREE_V6]; /* as above */
	if (depth >= SP_TREE_LEVELS)
		return SP_VEC_NONE;
	keys = sp_row(rows, trees->base[SP_TREE_V6][depth] + *node);
	if (!keys)
		return SP_VEC_NONE;
	vectors = (__u32 *)&keys[6];
	i = 0;
	for (int k = 0; k < 5; k++)
		i += sp_less128(&keys[k], hi, lo);
	return vectors[i & 7];
}

/* Returns the vector stored under a hash, without the rules that have ended. */
__noinline __u32 sp_lookup(struct sp_subject *s, __u64 hash, __u32 otherwise)
{
	struct sp_policy_view p;
	__u32 *leases;

	if (!s || !sp_open(s, &p))
		return otherwise;
	for (int probe = 0; probe < SP_PROBE; probe++) {
		struct sp_slot *slots =
			sp_row(p.rows, p.head->table_row + (((__u32)hash + probe) & p.head->table_mask));

		if (!slots)
			return otherwise;
		for (int i = 0; i < SP_ROW / sizeof(struct sp_slot); i++) {
			if (slots[i].hash == hash) {
				if (!slots[i].leases || !s->ended)
					return slots[i].vector;
				leases = sp_row(p.rows, slots[i].leases + s->ended / SP_LEASES_PER_ROW);
				return leases ? leases[s->ended % SP_LEASES_PER_ROW] : otherwise;
			}
			if (slots[i].hash == 0)
				return otherwise;
		}
	}
	return otherwise;
}

#endif
