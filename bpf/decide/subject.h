/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Input, output and working memory of a decision. It is too large for the stack and lives in a scratch area
 * (scratch.h). */
#ifndef SALLYPORT_DECIDE_SUBJECT_H
#define SALLYPORT_DECIDE_SUBJECT_H

#include "../wire/state.h"
#include "hash.h"

struct sp_choice {
	__u16 rule, alert;
	__u8 action, reason;
};

/* The request, in phase http. */
struct sp_http_subject {
	__u16 method_length, path_length; /* as sent */
	__u16 status; /* of the response; 0: not known yet */
	__u16 reserved;
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX];
};

/* State of reading a path: see "state in memory" in wire/verifier.h. */
struct sp_path_reader {
	__u32 from, end; /* of the unread path */
	__u8 skip; /* remaining bytes of an encoding that was decoded */
	__u8 upper; /* remaining digits of an encoding that was kept */
	__u8 segment; /* enum sp_segment of the current segment */
	__u8 in_query, unclear, reserved[3];
};

struct sp_subject {
	/* in */
	__u64 remote[2], local[2]; /* network order, IPv4 mapped */
	__u64 cookie, netns;
	__u64 exe_hash, cgroup, start;
	__u32 tgid, uid;
	__u16 remote_port, local_port;
	__u8 protocol, phase, hook, flags; /* flags: enum sp_judge_flag */
	/* in: the name of phases dns, tls and http; out: the name that decided phase connect */
	__u64 name_hash;
	/* out */
	__u32 generation;
	__u32 epoch; /* of the policy, see SP_EPOCH_SHIFT: stored with a verdict */
	__u16 rule, alert;
	__u8 action, reason, mode, bound;
	__u16 deny_errno;
	__u8 must_be_named; /* phase connect allowed it because of a name that has not been seen yet */
	__u8 policy_flags; /* enum sp_policy_flag */
	char comm[SP_COMM_LEN];
	/* working memory */
	__u8 torn; /* the policy was switched during the decision: repeat it */
	__u8 words;
	__u8 lapsed; /* enum sp_reason: why a name of the address, which would have been allowed, does not count */
	__u8 reserved2;
	__u16 ended; /* ends of overlays that have passed */
	__u16 reserved3;
	__u64 candidates[SP_WORDS_MAX]; /* rules that no dimension except the name excludes */
	__u64 matches[SP_WORDS_MAX]; /* rules with a domain that covers the name */
	__u64 unnamed[SP_WORDS_MAX], alert_rules[SP_WORDS_MAX], allow_rules[SP_WORDS_MAX];
	__u64 policy; /* address of the deciding policy's map, which exists as long as the program runs */
	struct sp_policy_head head; /* copy of its head */
	__u64 labels_of, label[SP_LABELS_MAX]; /* labels of the name with hash `labels_of`, as in struct sp_name */
	__u32 labels;
	__u32 node; /* of a search */
	struct sp_choice best; /* among the names learned for an address */
	__u64 best_name, best_expires;
	__u64 now; /* CLOCK_MONOTONIC [ns], for the expiry of names */
	struct sp_http_subject request; /* in */
	struct sp_path_reader path_reader;
	__u64 path[SP_WORDS_MAX]; /* active states of the automaton (wire/policy.h) */
	struct sp_hash hash; /* of a shape; not on the stack, see "frames" in wire/verifier.h */
};

#endif
