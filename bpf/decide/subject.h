/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What a decision is about, and what came of it. Lives in a claimed area (scratch.h): it is too large for the stack. */
#ifndef SALLYPORT_DECIDE_SUBJECT_H
#define SALLYPORT_DECIDE_SUBJECT_H

#include "../wire/state.h"
#include "hash.h"

struct sp_choice {
	__u16 rule, alert;
	__u8 action, reason;
};

/* Phase http. */
struct sp_http_subject {
	__u16 method_length, path_length; /* as sent */
	__u16 status; /* of the answer; 0: not known yet */
	__u16 reserved;
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX];
};

/* Where the path is read, and what of it is remembered. Not on the stack: the verifier would follow each combination. */
struct sp_path_reader {
	__u32 from, end; /* of what is left of the path */
	__u8 skip; /* bytes of a percent-encoding that has been decoded */
	__u8 upper; /* digits of one that has not */
	__u8 segment; /* of the segment so far: nothing, ".", "..", or else */
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
	__u16 rule, alert;
	__u8 action, reason, mode, bound;
	__u16 deny_errno;
	__u8 must_be_named; /* connect was allowed for the sake of a name that is still to be seen */
	__u8 policy_flags; /* enum sp_policy_flag */
	char comm[SP_COMM_LEN];
	/* working space: too large for the stack */
	__u8 torn; /* the policy was switched in the middle: begin again */
	__u8 words;
	__u8 reserved2[6];
	__u64 candidates[SP_WORDS_MAX]; /* rules that everything but the name leaves over */
	__u64 matches[SP_WORDS_MAX]; /* rules with a domain that cover the name */
	__u64 unnamed[SP_WORDS_MAX], alert_rules[SP_WORDS_MAX], allow_rules[SP_WORDS_MAX];
	__u64 policy; /* that decides: which map it is, as a number. It is not freed as long as the program runs */
	struct sp_policy_head head; /* its head */
	__u64 labels_of, label[SP_LABELS_MAX]; /* of the name with this hash, as in struct sp_name */
	__u32 labels;
	__u32 node; /* of a search */
	struct sp_choice best; /* of the names learned for an address */
	__u64 best_name, best_expires;
	struct sp_http_subject asked; /* in */
	struct sp_path_reader path_reader;
	__u64 path[SP_WORDS_MAX]; /* states of the automaton (policy.h) */
	struct sp_hash hash; /* of a shape; Linux 6.1 rounds each frame up to 32 bytes, and eight of them may be 512 together */
};

#endif
