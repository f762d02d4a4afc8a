/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Keys and values of the maps of names that DNS gave to addresses. */
#ifndef SALLYPORT_WIRE_LEARNED_H
#define SALLYPORT_WIRE_LEARNED_H

#include <linux/types.h>

/* A resolver's answer counts for the network namespace in which it was asked for: whoever makes a namespace can give
 * the resolver's address to a server of their own there. */
#define SP_NETNS_ANY 0 /* what the daemon asked for counts for every namespace */
#define SP_NETNS_OWN (~0ULL) /* in a request: the namespace of the process that runs the program */

struct sp_learned_key {
	__u64 netns; /* cookie, or SP_NETNS_ANY */
	__u64 address[2]; /* network order, IPv4 mapped */
};

enum sp_slot_flag {
	SP_SLOT_CAPPED = 1, /* the name has too many addresses: only the reason of a denial needs this one */
};

#define SP_NAMES_PER_ADDRESS 16
struct sp_learned {
	__u64 name[SP_NAMES_PER_ADDRESS]; /* name hash; 0: free */
	__u64 expires[SP_NAMES_PER_ADDRESS]; /* CLOCK_MONOTONIC [ns] */
	__u32 asker[SP_NAMES_PER_ADDRESS]; /* low half of sp_claim_key.asker */
	__u8 flags[SP_NAMES_PER_ADDRESS]; /* enum sp_slot_flag */
	struct sp_learned_key key; /* an element of an LRU map can be reused while it is read */
};

struct sp_claim_key {
	__u64 name; /* hash; 0: all names that are covered */
	__u64 asker; /* hash of the unit; 0: the daemon, which has no limit of names */
};

/* Addresses are counted in rounds. A new round begins when one is full and everything learned in the previous one has
 * expired, so addresses of two rounds can be alive. */
struct sp_claims {
	__u32 claims; /* in this round */
	__u32 until, before_until; /* last expiry of this round and of the previous one, CLOCK_MONOTONIC [s] */
	__u32 reserved;
};

#define SP_NAME_CLAIMS_MAX 512 /* addresses of a name in a round */
#define SP_ASKER_CLAIMS_MAX 4096 /* addresses of an asker in the map `covered` in a round: an eighth of the map */

#endif
