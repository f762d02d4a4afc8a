/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Names that were seen, and the addresses that DNS gave for them. */
#ifndef SALLYPORT_LEARN_H
#define SALLYPORT_LEARN_H

#include "who.h"

static __always_inline __u64 sp_remember_name(struct sp_scratch *s, __u64 hash)
{
	struct sp_scratch *again;

	if (!hash || bpf_map_lookup_elem(&names, &hash))
		return hash;
	again = sp_scratch_again(s);
	if (!again || bpf_map_update_elem(&names, &hash, &again->name.entry, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_NAMES);
	return hash;
}

/* Read the name in s->name.raw and remember it. Its hash, or 0 if it is no host name. */
static __always_inline __u64 sp_learn_name(struct sp_scratch *s, __u32 length)
{
	sp_hash_key(s->name.key);
	return sp_remember_name(s, sp_name_read(&s->name, length));
}

/* The name of an HTTP request: letters, digits, "-", "_" and dots alone. */
static __always_inline __u64 sp_learn_host(struct sp_scratch *s, __u32 length)
{
	__u64 hash;

	sp_hash_key(s->name.key);
	hash = sp_name_read(&s->name, length);
	return s->name.odd ? 0 : sp_remember_name(s, hash);
}

/* area->answer.address now stands for the answer's name too, until area->expires. Two CPUs may do this for one address at once:
 * each place is taken by compare-and-swap, so no name is lost. */
__noinline int sp_learn_address(struct sp_scratch *area)
{
	static const struct sp_learned empty;
	__u64 soonest = ~0ULL, before, name, expires;
	struct sp_learned *l;
	__u64 address[2];
	__u32 victim = 0;

	if (!area)
		return 0;
	name = area->answer.name_hash;
	expires = area->expires;
	__builtin_memcpy(address, area->answer.address, sizeof(address)); /* a key: see sp_scratch_again */
	l = bpf_map_lookup_elem(&learned, address);
	if (!l) {
		bpf_map_update_elem(&learned, address, &empty, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&learned, address);
		if (!l) {
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_LEARNED);
			return 0;
		}
		__builtin_memcpy(l->address, address, sizeof(l->address));
	}
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		before = l->name[i];
		if (before == 0)
			before = __sync_val_compare_and_swap(&l->name[i], 0, name);
		if (before == 0 || before == name) {
			if (before == 0 || l->expires[i] < expires)
				l->expires[i] = expires;
			return 0;
		}
		if (l->expires[i] < soonest) {
			soonest = l->expires[i];
			victim = i;
		}
	}
	victim %= SP_NAMES_PER_ADDRESS;
	if (soonest > area->answer.head.time)
		sp_count(SP_COUNT_LEARNED_EVICTED);
	l->expires[victim] = expires;
	l->name[victim] = name;
	return 0;
}

#endif
