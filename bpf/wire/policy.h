/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A compiled policy: one array of 128-byte rows, built whole in user space (src/policy/compile.ts),
 * put in force by one pointer switch. See docs/decisions/0001-one-array-policy.md.
 *
 * A rule is a bit. Each dimension of a connection (destination, port, name, exe, user, unit,
 * container, cgroup; of a request method, path, status) finds one vector: the bits of the rules that this dimension does not rule out.
 * The vectors ANDed leave the rules that match; the lowest allow or deny bit decides.
 * Rules are numbered in the order in which they are tried (group priority, then place in the file).
 *
 *   row 0            struct sp_policy_head
 *   row 1            struct sp_policy_trees
 *   shapes_row       __u32[32] a row, 64 at the most: SP_SHAPE()
 *   slots_row        __u16[64] a row: counter slot of each rule
 *   vectors_row      __u64[16] a row: vector i is row vectors_row + i
 *   always_row       __u64[16] a row, one for two words of the vectors that every decision needs: enum sp_always
 *   table_row        struct sp_slot[8] a row: hash table of everything that is looked up by hash
 *   trees            search trees over intervals
 *   paths_row        SP_PATH_ROWS rows: the automaton of the paths, if there are any; behind it patterns
 *   patterns_row     struct sp_path_pattern[16] a row: its ends
 *   status_row       __u32[32] a row: vector of each status from 0 to 1023, if a rule has one
 */
#ifndef SALLYPORT_WIRE_POLICY_H
#define SALLYPORT_WIRE_POLICY_H

#include "event.h"

#define SP_ROW 128 /* bytes */
#define SP_WORD_BITS 64 /* of a vector's word */
#define SP_SHAPES_PER_ROW (SP_ROW / sizeof(__u32))
#define SP_SLOTS_PER_ROW (SP_ROW / sizeof(__u16))
#define SP_STATUSES_PER_ROW (SP_ROW / sizeof(__u32))
#define SP_PATTERNS_PER_ROW (SP_ROW / sizeof(struct sp_path_pattern))
#define SP_RULES_MAX 1024
#define SP_WORDS_MAX 16
#define SP_SHAPES_MAX 64
#define SP_LABELS_MAX 16 /* of a pattern; a longer name can only be covered by "**." in front */
#define SP_POLICY_MAGIC 0x50594c53 /* "SLYP" */

enum sp_mode { SP_MODE_OBSERVE = 1, SP_MODE_ENFORCE = 2 };
enum sp_binding { SP_BINDING_STRICT = 1, SP_BINDING_SNI = 2 };

enum sp_policy_flag {
	SP_HAS_NAMES = 1, /* a rule has a domain */
	SP_HAS_EXE = 2, SP_HAS_USER = 4, SP_HAS_CGROUP = 8, /* unit, container or cgroup */
	SP_HAS_FROM = 14,
	SP_HAS_METHOD = 16, SP_HAS_PATH = 32,
	SP_HAS_QUERY = 64, /* a path pattern with "?" */
	SP_HAS_STATUS = 128, /* answers must be read */
};

struct sp_policy_head {
	__u32 magic;
	__u32 layout; /* SP_LAYOUT_VERSION */
	__u32 generation; /* from 1, never reused while pins live */
	__u32 flags; /* enum sp_policy_flag */
	__u8 mode; /* enum sp_mode */
	__u8 binding; /* enum sp_binding */
	__u8 defaults[SP_PHASES]; /* SP_ALLOW or SP_DENY by phase */
	__u16 deny_errno;
	__u16 rules; /* number of rules */
	__u16 words; /* of a vector in use: (rules + 63) / 64, at least 1 */
	__u16 shapes; /* number of shapes */
	__u16 reserved0;
	__u64 hash_key[2]; /* of SipHash */
	__u32 ttl_floor, ttl_grace; /* seconds: a learned address lives max(ttl, floor) + grace */
	__u32 shapes_row, slots_row, vectors_row, table_row;
	__u32 table_mask; /* buckets - 1 */
	__u32 rows; /* of the whole policy */
	__u32 paths_row, patterns_row, status_row;
	__u16 path_words, path_patterns; /* words of the automaton in use; patterns */
	__u32 always_row;
	__u32 reserved[7];
}; /* 128 bytes */

/* Trees: intervals that cover the whole key space, each with a vector number.
 * A key is the interval's inclusive upper end; the first key >= x is the answer; rows are padded with
 * the largest key. Inner rows hold the largest key of each child; level l begins at base[tree][l], and the
 * children of node n in a level are nodes n * fanout + 0.. of the next. base[tree][depth[tree]] is
 * the leaves. A tree of one leaf has depth 0.
 *   v4, ports:  inner 32 x __u32                        leaf 16 x __u32 keys, 16 x __u32 vectors
 *   v6:         inner  8 x struct sp_key6               leaf  6 x struct sp_key6, 6 x __u32 vectors, 8 spare bytes
 * Keys: v4 the address in host order; ports (protocol << 16) | port; v6 the address as two host-order words.
 */
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

/* Vectors with a fixed number. */
enum sp_vector {
	SP_VEC_NONE = 0, /* no rule */
	SP_VEC_PHASE = 1, /* 1..4: rules that take part in phase dns, connect, tls, http */
	SP_VEC_ALERT = 5, /* rules whose action is alert */
	SP_VEC_ALLOW = 6, /* rules whose action is allow */
	SP_VEC_NAMED = 7, /* rules with a domain */
	SP_VEC_UNNAMED = 8, /* rules without a domain */
	SP_VEC_ANY_EXE = 9, /* rules without from.exe; and so on */
	SP_VEC_ANY_USER = 10,
	SP_VEC_ANY_UNIT = 11,
	SP_VEC_ANY_CONTAINER = 12,
	SP_VEC_ANY_CGROUP = 13,
	SP_VEC_ANY_METHOD = 14,
	SP_VEC_ANY_PATH = 15,
	SP_VEC_ANY_STATUS = 16, /* the rules that take part at the request */
	SP_VEC_FIXED = 17, /* numbers from here on are the compiler's */
};

/* Words 2r and 2r + 1 of a vector are the two from here on in row always_row + r: so few rows are looked up, each by a call. */
enum sp_always {
	SP_ALWAYS_PHASE = 0, /* four vectors */
	SP_ALWAYS_ALERT = 8, SP_ALWAYS_ALLOW = 10, SP_ALWAYS_UNNAMED = 12,
};

/* The hash table. A key's bucket is (lo32(hash) & table_mask); a full bucket goes on in the next one
 * ((b + 1) & table_mask), SP_PROBE rows at the most; hash 0 is an empty slot and ends the search.
 *
 * Vectors found by exe, user and method are the rules that match or have no such condition (use in place of
 * SP_VEC_ANY_x). Those found by unit, container and cgroup hold only the rules that name it: several may match
 * (a unit and its slices), so they are ORed onto SP_VEC_ANY_x. Those found by name hold only the rules that
 * name it, ORed over shapes.
 *
 * Hash: SipHash-1-3, key hash_key, over
 *   exe        'e', dev as 4 bytes LE, then each path component from the leaf up, each followed by '/'
 *   user       'i', uid as 4 bytes LE
 *   unit       'u', the cgroup's name ("agent.service")
 *   container  'c', first 12 hex digits of an id, or the name; "*" for any container
 *   cgroup     'g', path below the watched cgroup, each component followed by '/' ("a/b/")
 *   method     'm', the method as sent
 *   name       by shape, see below
 * A result of 0 is replaced by 1.
 *
 * Names are matched without case. Label hash: of the label in lower case. A shape (labels k, mask, many)
 * says: absorb, from the rightmost label leftwards for k labels, each label's hash (or 0x2a where bit i of mask, counted
 * from the right, says '*'); finish with mask in the place of the bytes that are left, and in that of the
 * length k | many << 7. A pattern with many = 0 matches names of exactly k labels; with many = 1
 * ("**." in front) names of more than k.
 * Name hash (of sp_decision.name_hash and the map `names`): each label's hash, from left to right; in the place of the length the
 * number of labels.
 */
#define SP_PROBE 4

struct sp_slot {
	__u64 hash;
	__u32 vector;
	__u32 reserved;
}; /* 16 bytes */

/* Paths: all patterns together are one automaton of at most SP_PATH_STATES bits (Navarro and Raffinot, "Flexible Pattern Matching in
 * Strings" 4.4: Shift-And with repetition). A pattern of m characters has m + 1 states in a row; state i means that i
 * characters have matched, and loops if a star stands there. Of a character c, with S the states that are on:
 *   S = ((S << 1) & row[SP_PATH_CHARS + c]) | (S & loops), loops being row[SP_PATH_MANY], and row[SP_PATH_ONE] too unless c is "/".
 * S begins as row[SP_PATH_BEGIN]. Patterns without "?" are matched against the path in front of the query, those with one against
 * path and query. How a path is read: docs/deciding.md, "Paths"; bpf/path.h. */
#define SP_PATH_STATES 1024
#define SP_PATH_BEGIN 0
#define SP_PATH_MANY 1 /* "**" */
#define SP_PATH_ONE 2 /* "*": not over a "/" */
#define SP_PATH_CHARS 3
#define SP_PATH_ROWS 259

struct sp_path_pattern {
	__u16 state; /* that ends it */
	__u8 query, reserved;
	__u32 vector; /* the rules that name it */
}; /* 8 bytes */

#define SP_STATUS_MAX 1024

#define SP_SHAPE(labels, mask, many) ((__u32)(mask) << 16 | (__u32)(many) << 8 | (labels))

#endif
