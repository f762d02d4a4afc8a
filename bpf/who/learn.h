/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Names that were seen, and the addresses that DNS returned for them. */
#ifndef SALLYPORT_WHO_LEARN_H
#define SALLYPORT_WHO_LEARN_H

#include "who.h"

static __always_inline bool sp_is_loopback(const __u64 *address)
{
	return address[0] == 0 &&
	       (sp_is_v4(address) ? (address[1] >> 32 & 0xff) == 127 : address[1] == (__u64)bpf_htonl(1) << 32);
}

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

static __always_inline __u64 sp_remember_name(struct sp_scratch *s, __u64 hash)
{
	struct sp_scratch *again;

	if (!hash)
		return 0;
	sp_keep_labels(&s->subject, hash, &s->name.entry);
	if (bpf_map_lookup_elem(&names, &hash))
		return hash;
	again = sp_scratch_as_map_value(s);
	if (!again || bpf_map_update_elem(&names, &hash, &again->name.entry, BPF_ANY))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_NAMES);
	return hash;
}

/* Reads the name in s->name.raw and stores it. Returns its hash, or 0 if it is not a host name. */
static __always_inline __u64 sp_learn_name(struct sp_scratch *s, __u32 length)
{
	s->name.any = 0;
	sp_hash_key(s->name.key);
	return sp_remember_name(s, sp_name_read(&s->name, length));
}

/* The same for the name of a DNS question, which may have any bytes. */
__noinline __u64 sp_learn_question(struct sp_scratch *s, __u32 length)
{
	if (!s || !length)
		return 0;
	s->name.any = 1;
	sp_hash_key(s->name.key);
	return sp_remember_name(s, sp_name_read(&s->name, length));
}

/* The same for the name of an HTTP request: only letters, digits, "-", "_" and dots. */
static __always_inline __u64 sp_learn_host(struct sp_scratch *s, __u32 length)
{
	__u64 hash;

	s->name.any = 0;
	sp_hash_key(s->name.key);
	hash = sp_name_read(&s->name, length);
	return s->name.odd ? 0 : sp_remember_name(s, hash);
}

/* True if one more address may be learned for the name. Without a limit, a name with thousands of addresses would evict
 * those of others. Addresses are counted in rounds. A new round begins when one is full and everything learned in the
 * previous one has expired, so at most 2 * SP_CLAIMS_MAX are alive. A name that rotates its addresses keeps starting
 * rounds. */
static __always_inline bool sp_may_claim(__u64 name, __u64 now, __u64 expires)
{
	__u32 until = expires / SP_NS_PER_S + 1;
	struct sp_name *n = bpf_map_lookup_elem(&names, &name);

	if (!n)
		return true;
	if (n->claims >= SP_CLAIMS_MAX) {
		if (n->before_until > now / SP_NS_PER_S)
			return false;
		n->before_until = n->claims_until;
		n->claims = n->claims_until = 0;
	}
	n->claims++;
	if (n->claims_until < until)
		n->claims_until = until;
	return true;
}

/* Extends an address that the name already has; it counts to this round from now on. */
static __always_inline void sp_keep_claim(__u64 name, __u64 expires)
{
	__u32 until = expires / SP_NS_PER_S + 1;
	struct sp_name *n = bpf_map_lookup_elem(&names, &name);

	if (n && n->claims_until < until)
		n->claims_until = until;
}

/* Adds the name of the answer to area->answer.address until area->expires. Two CPUs may do so for one address at once:
 * each slot is taken by compare-and-swap, so no name is lost. Returns enum sp_learn_result. */
__noinline int sp_learn_address(struct sp_scratch *area)
{
	static const struct sp_learned empty;
	__u64 soonest = ~0ULL, before, name, expires, now;
	struct sp_learned *l;
	__u64 address[2];
	__u32 victim = 0;

	if (!area)
		return SP_LEARNED;
	name = area->answer.name_hash;
	expires = area->expires;
	now = area->answer.head.time;
	__builtin_memcpy(address, area->answer.address, sizeof(address)); /* a key: see sp_scratch_as_map_value */
	if (sp_is_local(address))
		return SP_LEARN_LOCAL;
	l = bpf_map_lookup_elem(&learned, address);
	if (l) {
		for (int i = 0; i < SP_NAMES_PER_ADDRESS; i++) {
			if (l->name[i] == name && l->expires[i] > now) {
				if (l->expires[i] < expires) {
					l->expires[i] = expires;
					sp_keep_claim(name, expires);
				}
				return SP_LEARNED;
			}
		}
	}
	if (!sp_may_claim(name, now, expires))
		return SP_LEARN_CAPPED;
	if (!l) {
		bpf_map_update_elem(&learned, address, &empty, BPF_NOEXIST);
		l = bpf_map_lookup_elem(&learned, address);
		if (!l) {
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_LEARNED);
			return SP_LEARNED;
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
			return SP_LEARNED;
		}
		if (l->expires[i] < soonest) {
			soonest = l->expires[i];
			victim = i;
		}
	}
	victim %= SP_NAMES_PER_ADDRESS;
	if (soonest > now)
		sp_count(SP_COUNT_LEARNED_EVICTED);
	l->expires[victim] = expires;
	l->name[victim] = name;
	return SP_LEARNED;
}

#endif
