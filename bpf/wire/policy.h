/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A compiled policy: one array of 128-byte rows. User space builds it completely (src/policy/) and puts it in force by
 * switching one pointer. See docs/decisions/0001-one-array-policy.md.
 *
 * A rule is a bit. Each dimension of a connection (destination, port, name, executable, user, unit, container, cgroup)
 * and of a request (method, path, status) yields one vector: the bits of the rules that it does not exclude. The AND of
 * these vectors is the matching rules, and the lowest bit of an allow or deny rule decides. Rules are numbered in the
 * order in which they are tried: by group priority, then by place in the file.
 *
 *   row 0            struct sp_policy_head
 *   row 1            struct sp_policy_trees
 *   shapes_row       __u32[32] a row, at most 64: SP_SHAPE()
 *   slots_row        __u16[64] a row: counter slot of each rule
 *   vectors_row      __u64[16] a row: vector i is row vectors_row + i
 *   always_row       __u64[16] a row: two words of each vector that every decision needs, enum sp_always
 *   ends_row         SP_ENDS_ROWS rows of __u64[16]: the ends of overlays, if there are any
 *   leases           __u32[32] a row: vectors of a key of the hash table by the number of ends that have passed
 *   table_row        struct sp_slot[8] a row: the hash table
 *   trees            search trees over intervals
 *   paths_row        SP_PATH_ROWS rows: the automaton of path patterns, if there are any
 *   patterns_row     struct sp_path_pattern[16] a row: the accepting states of the automaton
 *   status_row       __u32[32] a row: vector of each status below 1024, if a rule has a status */
#ifndef SALLYPORT_WIRE_POLICY_H
#define SALLYPORT_WIRE_POLICY_H

#include "event.h"

#define SP_ROW 128 /* bytes */
#define SP_WORD_BITS 64 /* bits of one word of a vector */
#define SP_SHAPES_PER_ROW (SP_ROW / sizeof(__u32))
#define SP_SLOTS_PER_ROW (SP_ROW / sizeof(__u16))
#define SP_STATUSES_PER_ROW (SP_ROW / sizeof(__u32))
#define SP_PATTERNS_PER_ROW (SP_ROW / sizeof(struct sp_path_pattern))
#define SP_RULES_MAX 1024
#define SP_WORDS_MAX 16
#define SP_SHAPES_MAX 64
#define SP_LABELS_MAX 16 /* of a pattern; only "**." in front can cover a longer name */
#define SP_POLICY_MAGIC 0x50594c53 /* "SLYP" */

enum sp_mode { SP_MODE_OBSERVE = 1, SP_MODE_ENFORCE = 2 };
enum sp_binding { SP_BINDING_STRICT = 1, SP_BINDING_SNI = 2 };

enum sp_policy_flag {
	SP_HAS_NAMES = 1, /* a rule has a domain */
	SP_HAS_EXE = 2,
	SP_HAS_USER = 4,
	SP_HAS_CGROUP = 8, /* unit, container or cgroup */
	SP_HAS_FROM = 14,
	SP_HAS_METHOD = 16,
	SP_HAS_PATH = 32,
	SP_HAS_QUERY = 64, /* a path pattern with "?" */
	SP_HAS_STATUS = 128, /* responses must be read */
	SP_HAS_PLACED = 256, /* a rule has a cidr and a domain */
};

struct sp_policy_head {
	__u32 magic;
	__u32 layout; /* SP_LAYOUT_VERSION */
	__u32 generation; /* starts at 1, never reused while pins exist */
	__u32 flags; /* enum sp_policy_flag */
	__u8 mode; /* enum sp_mode */
	__u8 binding; /* enum sp_binding */
	__u8 defaults[SP_PHASES]; /* SP_ALLOW or SP_DENY for each phase */
	__u16 deny_errno;
	__u16 rules; /* number of rules */
	__u16 words; /* of a vector that are in use: (rules + 63) / 64, at least 1 */
	__u16 shapes; /* number of shapes */
	__u8 unread; /* SP_ALLOW: deny and alert rules do not match what cannot be read; else they do */
	__u8 reserved0;
	__u64 hash_key[2]; /* of SipHash */
	__u32 ttl_floor, ttl_grace; /* [s]: a learned address lives for max(ttl, floor) + grace */
	__u32 shapes_row, slots_row, vectors_row, table_row;
	__u32 table_mask; /* buckets - 1 */
	__u32 rows; /* of the whole policy */
	__u32 paths_row, patterns_row, status_row;
	__u16 path_words, path_patterns; /* words of the automaton that are in use; number of patterns */
	__u32 always_row;
	__u32 ends_row;
	__u64 first_end; /* of the ends of overlays, CLOCK_BOOTTIME [ns]; 0: there is none */
	__u32 left; /* vector left + n: the rules that are left when n ends have passed, from n = 1 */
	__u32 reserved[3];
}; /* 128 bytes */

/* Trees: intervals that cover all keys, each with the number of a vector.
 * A key is the inclusive upper end of an interval, and the first key >= x is the answer. Rows are padded with the
 * largest key. Inner rows hold the largest key of each child. Level l begins at base[tree][l], and the children of
 * node n are nodes n * fanout + 0.. of the next level. base[tree][depth[tree]] is the first leaf. A tree of one leaf
 * has depth 0.
 *   v4, ports:  inner 32 x __u32             leaf 16 x __u32 keys, 16 x __u32 vectors
 *   v6:         inner  8 x struct sp_key6    leaf  6 x struct sp_key6, 6 x __u32 vectors, 8 spare bytes
 * Keys: v4 the address in host order; ports (protocol << 16) | port; v6 the address as two words in host order. */
enum sp_tree { SP_TREE_V4 = 0, SP_TREE_PORTS = 1, SP_TREE_V6 = 2, SP_TREES = 3 };
#define SP_TREE_LEVELS 9

struct sp_policy_trees {
	__u32 base[SP_TREES][SP_TREE_LEVELS];
	__u32 depth[SP_TREES];
	__u32 reserved[2];
}; /* 128 bytes */

struct sp_key6 {
	__u64 hi, lo;
};

/* Vectors with fixed numbers. */
enum sp_vector {
	SP_VEC_NONE = 0, /* no rule */
	SP_VEC_PHASE = 1, /* 1..4: rules that apply to phase dns, connect, tls, http */
	SP_VEC_ALERT = 5, /* rules whose action is alert */
	SP_VEC_ALLOW = 6, /* rules whose action is allow */
	SP_VEC_NAMED = 7, /* rules with a domain */
	SP_VEC_UNNAMED = 8, /* rules without a domain */
	SP_VEC_ANY_EXE = 9, /* rules without from.exe; likewise below */
	SP_VEC_ANY_USER = 10,
	SP_VEC_ANY_UNIT = 11,
	SP_VEC_ANY_CONTAINER = 12,
	SP_VEC_ANY_CGROUP = 13,
	SP_VEC_ANY_METHOD = 14,
	SP_VEC_ANY_PATH = 15,
	SP_VEC_ANY_STATUS = 16, /* the rules that take part at the request */
	SP_VEC_PLACED = 17, /* rules with a cidr and a domain */
	SP_VEC_FIXED = 18, /* numbers from here on are the compiler's */
};

/* Row always_row + r holds words 2r and 2r + 1 of each vector, at the indexes below. This saves look-ups. */
enum sp_always {
	SP_ALWAYS_PHASE = 0, /* four vectors */
	SP_ALWAYS_ALERT = 8,
	SP_ALWAYS_ALLOW = 10,
	SP_ALWAYS_UNNAMED = 12,
};

/* The hash table. The bucket of a key is (lo32(hash) & table_mask). A full bucket continues in the next one,
 * ((b + 1) & table_mask), for at most SP_PROBE rows. Hash 0 is an empty slot and ends the search.
 *
 * A vector found by executable, user or method has the rules that match or have no such condition, and replaces
 * SP_VEC_ANY_x. A vector found by unit, container or cgroup has only the rules that name it. Several may match (a unit
 * and its slices), so they are ORed with SP_VEC_ANY_x. A vector found by name has only the rules that name it, and the
 * results of all shapes are ORed.
 *
 * Hash: SipHash-1-3 with key hash_key, over
 *   exe        'e', dev as 4 bytes LE, then each path component from the leaf up, each followed by '/'
 *   user       'i', uid as 4 bytes LE
 *   unit       'u', name of the cgroup ("agent.service")
 *   container  'c', first 12 hex digits of an id, or the name; "*" for any container
 *   cgroup     'g', path below the watched cgroup, each component followed by '/' ("a/b/")
 *   method     'm', the method as sent
 *   name       by shape, see below
 * A result of 0 is replaced by 1.
 *
 * Names are matched without case, and labels are hashed in lower case. A shape (labels k, mask, many) takes k labels
 * from the rightmost one leftwards. It absorbs the hash of each label, or 0x2a where bit i of mask, counted from the
 * right, stands for '*'. It finishes with mask as the remaining bytes and k | many << 7 as the length. A pattern with
 * many = 0 matches names of exactly k labels; one with many = 1 ("**." in front) matches names of more than k labels.
 * Name hash (sp_decision.name_hash, map `names`): the hash of each label from left to right, with the number of labels
 * as the length. */
#define SP_PROBE 4

struct sp_slot {
	__u64 hash;
	__u32 vector;
	__u32 leases; /* row; 0: the vector never ends. Else word n is the vector when n ends have passed */
}; /* 16 bytes */

/* Ends of overlays: sorted, distinct, and padded with all ones. A rule of an overlay ends with the last of its scopes.
 * A scope is a key of kind cgroup, whose vector loses the rules whose end in this scope has passed. */
#define SP_ENDS_MAX 256
#define SP_ENDS_PER_ROW (SP_ROW / sizeof(__u64))
#define SP_ENDS_ROWS (SP_ENDS_MAX / SP_ENDS_PER_ROW)
#define SP_LEASES_PER_ROW (SP_ROW / sizeof(__u32))
/* A flow is judged again when its epoch changes: the generation, with the number of ends that have passed in the upper
 * bits. */
#define SP_EPOCH_SHIFT 23

/* Paths: all patterns form one automaton of at most SP_PATH_STATES bits (Navarro and Raffinot, "Flexible Pattern
 * Matching in Strings" 4.4: Shift-And with repetition). A pattern of m characters has m + 1 consecutive states. State i
 * means that i characters have matched, and it loops if a star stands there. For a character c and the set S of active
 * states:
 *   S = ((S << 1) & row[SP_PATH_CHARS + c]) | (S & loops)
 * where loops is row[SP_PATH_MANY], ORed with row[SP_PATH_ONE] unless c is "/". S starts as row[SP_PATH_BEGIN].
 * Patterns without "?" are matched against the path before the query, those with "?" against path and query. For the
 * normalisation of a path see "Paths" in docs/deciding.md and bpf/decide/path.h. */
#define SP_PATH_STATES 1024
#define SP_PATH_BEGIN 0
#define SP_PATH_MANY 1 /* "**" */
#define SP_PATH_ONE 2 /* "*": does not cross a "/" */
#define SP_PATH_CHARS 3
#define SP_PATH_ROWS 259

struct sp_path_pattern {
	__u16 state; /* the accepting state */
	__u8 query, reserved;
	__u32 vector; /* the rules that name the pattern */
}; /* 8 bytes */

#define SP_STATUS_MAX 1024

#define SP_SHAPE(labels, mask, many) ((__u32)(mask) << 16 | (__u32)(many) << 8 | (labels))

#endif
