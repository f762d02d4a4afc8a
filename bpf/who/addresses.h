/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The addresses that DNS returned for names. */
#ifndef SALLYPORT_WHO_ADDRESSES_H
#define SALLYPORT_WHO_ADDRESSES_H

#include "learn.h"

/* True for addresses of this host or link: loopback, 0.0.0.0/8 and :: (RFC 1122 3.2.1.3), 169.254.0.0/16 (RFC 3927) and
 * fe80::/10 (RFC 4291 2.5.6). An owner of a name could otherwise open services that trust the host, such as
 * 169.254.169.254, which gives out credentials. */
static __always_inline bool sp_is_local(const __u64 *address)
{
	__u32 first = bpf_ntohl(sp_is_v4(address) ? address[1] >> 32 : (__u32)address[0]);

	if (sp_is_loopback(address))
		return true;
	if (sp_is_v4(address))
		return first >> 24 == 0 || first >> 16 == 0xa9fe;
	return first >> 22 == 0xfe80 >> 6 || (address[0] == 0 && address[1] == 0);
}

enum sp_learn_result { SP_LEARNED, SP_LEARN_CAPPED, SP_LEARN_LOCAL };

/* Returns the unit of a cgroup, whose processes share their limits. A user cannot make units: see docs/deciding.md. */
static __always_inline __u64 sp_asker_of(__u64 cgroup)
{
	struct sp_cgroup_ids *ids = bpf_map_lookup_elem(&cgroups, &cgroup);

	return ids && ids->units ? ids->hash[SP_IDS_UNIT + (ids->units - 1) % SP_IDS_UNITS_MAX] : 1;
}

/* True if an allow rule covers the name. */
__noinline int sp_is_covered(struct sp_subject *s, __u64 name)
{
	struct sp_policy_view p;
	__u64 covering = 0, *allow;

	if (!s)
		return 0;
	p.head = &s->head;
	p.rows = sp_take_policy(s);
	if (!p.rows || !(s->head.flags & SP_HAS_NAMES) || !sp_match_name(s, name))
		return 0;
	allow = sp_vector(&p, SP_VEC_ALLOW);
	if (!allow)
		return 0;
	sp_for_each_word(i, s->words)
		covering |= s->matches[i] & allow[i];
	return covering != 0;
}

/* Claims one more address for the name, or for the asker if it is 0. Without a limit, a name with thousands of
 * addresses or an asker with thousands of names would evict those of others. False: the limit is reached. */
__noinline int sp_claim(struct sp_scratch *area, __u64 name, __u32 most)
{
	static const struct sp_claims empty;
	struct sp_claim_key key = {.name = name};
	struct sp_claims *c;
	__u32 until, now;

	if (!area)
		return 0;
	key.asker = area->learning.asker;
	c = bpf_map_lookup_elem(&claims, &key);
	if (!c) {
		if (bpf_map_update_elem(&claims, &key, &empty, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_CLAIMS);
		c = bpf_map_lookup_elem(&claims, &key);
		if (!c)
			return 1;
	}
	until = area->expires / SP_NS_PER_S + 1;
	now = area->answer.head.time / SP_NS_PER_S;
	if (c->claims >= most) {
		if (c->before_until > now)
			return 0;
		c->before_until = c->until;
		c->claims = c->until = 0;
	}
	c->claims++;
	if (c->until < until)
		c->until = until;
	return 1;
}

/* Counts a claim that is extended to this round. */
static __always_inline void sp_keep_claim(__u64 name, __u64 asker, __u64 expires)
{
	struct sp_claim_key key = {.name = name, .asker = asker};
	struct sp_claims *c = bpf_map_lookup_elem(&claims, &key);
	__u32 until = expires / SP_NS_PER_S + 1;

	if (c && c->until < until)
		c->until = until;
}

static __always_inline void sp_learning_key(const struct sp_scratch *area, struct sp_learned_key *key)
{
	key->netns = area->learning.netns;
	__builtin_memcpy(key->address, area->answer.address, sizeof(key->address));
}

/* Extends the name of the answer if the map has it for the address. */
__noinline int sp_extend_name(struct sp_scratch *area, bool is_covered)
{
	struct sp_learned_key key;
	struct sp_learned *l;
	__u64 name, expires;

	if (!area)
		return 0;
	sp_learning_key(area, &key);
	l = is_covered ? bpf_map_lookup_elem(&covered, &key) : bpf_map_lookup_elem(&learned, &key);
	if (!l)
		return 0;
	name = area->answer.name_hash;
	expires = area->expires;
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		if (l->name[i] != name || l->expires[i] <= area->answer.head.time || l->flags[i] & SP_SLOT_CAPPED)
			continue;
		if (l->expires[i] < expires) {
			l->expires[i] = expires;
			sp_keep_claim(name, area->learning.asker, expires);
			if (is_covered)
				sp_keep_claim(0, area->learning.asker, expires);
		}
		return 1;
	}
	return 0;
}

/* Returns the slot for one more name, where all have one: of a name that has expired, else of the same asker, else of
 * the name that expires first. Without branches, because the verifier would follow both sides of each. */
static __always_inline __u32 sp_slot_to_replace(const struct sp_learned *l, __u32 asker, __u64 now)
{
	__u64 least = ~0ULL, rank, other;
	__u32 slot = 0, less;

	for (__u32 i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		other = (__u64)l->asker[i] - asker;
		rank = sp_less64(now, l->expires[i]) * (1 + (sp_opaque64(other | -other) >> 63));
		rank = rank << 62 | l->expires[i] >> 2;
		less = sp_opaque(sp_less64(rank, least));
		least = sp_opaque64(least + (rank - least) * less);
		slot += (i - slot) * less;
	}
	if (least >> 62)
		sp_count(SP_COUNT_LEARNED_EVICTED);
	return sp_opaque(slot) % SP_NAMES_PER_ADDRESS;
}

/* Adds the name of the answer. Two CPUs may do so for one address at once: each free slot is taken by compare-and-swap,
 * so no name is lost. */
__noinline int sp_add_name(struct sp_scratch *area, bool is_covered, __u8 flags)
{
	static const struct sp_learned empty;
	__u64 before, name, expires;
	struct sp_learned_key key;
	struct sp_learned *l;
	__u32 slot, asker;

	if (!area)
		return 0;
	sp_learning_key(area, &key);
	name = area->answer.name_hash;
	expires = area->expires;
	asker = area->learning.asker;
	if (is_covered) {
		bpf_map_update_elem(&covered, &key, &empty, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&covered, &key);
	} else {
		bpf_map_update_elem(&learned, &key, &empty, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&learned, &key);
	}
	if (!l) {
		sp_count(SP_COUNT_MAP_FULL + (is_covered ? SP_MAP_COVERED : SP_MAP_LEARNED));
		return 0;
	}
	l->key = key;
	for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
		before = l->name[i];
		if (before == 0)
			before = __sync_val_compare_and_swap(&l->name[i], 0, name);
		if (before != 0 && before != name)
			continue;
		l->flags[i] = flags;
		l->asker[i] = asker;
		if (before == 0 || l->expires[i] < expires)
			l->expires[i] = expires;
		return 0;
	}
	slot = sp_slot_to_replace(l, asker, area->answer.head.time);
	l->expires[slot] = 0; /* no name, until all is written */
	l->name[slot] = name;
	l->flags[slot] = flags;
	l->asker[slot] = asker;
	l->expires[slot] = expires;
	return 0;
}

/* Adds the name of the answer to area->answer.address until area->expires. A name that an allow rule covers is in a map
 * that other names cannot fill, as long as its asker is below the limit. Returns enum sp_learn_result. */
__noinline int sp_learn_address(struct sp_scratch *area)
{
	bool is_covered, is_known;
	__u64 address[2];

	if (!area)
		return SP_LEARNED;
	__builtin_memcpy(address, area->answer.address, sizeof(address));
	if (sp_is_local(address))
		return SP_LEARN_LOCAL;
	is_covered = area->learning.covered;
	if (is_covered && sp_extend_name(area, true))
		return SP_LEARNED;
	is_known = sp_extend_name(area, false);
	if (!is_known && !sp_claim(area, area->answer.name_hash, SP_NAME_CLAIMS_MAX)) {
		sp_add_name(area, false, SP_SLOT_CAPPED);
		return SP_LEARN_CAPPED;
	}
	if (is_covered && area->learning.asker && !sp_claim(area, 0, SP_ASKER_CLAIMS_MAX))
		is_covered = false;
	if (is_covered || !is_known)
		sp_add_name(area, is_covered, 0);
	return SP_LEARNED;
}

/* Prepares area->learning for the name of the answer, asked for in a network namespace by a cgroup (0: the daemon). */
static __always_inline void sp_begin_learning(struct sp_scratch *area, __u64 netns, __u64 cgroup)
{
	area->learning.netns = netns;
	area->learning.asker = cgroup ? sp_asker_of(cgroup) : 0;
	area->learning.covered = sp_is_covered(&area->subject, area->answer.name_hash);
}

/* Returns the network namespace that a request means. The socket of a test run is in the namespace of its caller. */
static __always_inline __u64 sp_netns_of_request(struct __sk_buff *skb, __u64 netns)
{
	struct bpf_sock *sk = skb->sk;
	struct sock *kernel_sk;

	if (netns != SP_NETNS_OWN || !sk)
		return netns;
	kernel_sk = sp_untyped(sk);
	return BPF_CORE_READ(kernel_sk, __sk_common.skc_net.net, net_cookie);
}

#endif
