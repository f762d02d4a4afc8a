/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Keys and values of the maps that outlive a packet. Shared with user space.
 *
 *   map         type                     key              value
 *   policy      array of maps (1)        u32 0            inner array of 128-byte rows (policy.h)
 *   control     array (1)                u32 0            struct sp_control
 *   resolvers   hash                     u8[16] address   u32 flags: trusted resolvers
 *   suffixes    hash                     u64 hash         u32 flags: search suffixes, hashed as a shape (policy.h)
 *   names       LRU hash                 u64 name hash    struct sp_name
 *   covered     LRU hash                 sp_learned_key   struct sp_learned: names that an allow rule covers
 *   learned     LRU hash                 sp_learned_key   struct sp_learned: other names, and those beyond a limit
 *   claims      LRU hash                 sp_claim_key     struct sp_claims
 *   targets     LRU hash                 sp_target_key    struct sp_target
 *   questions   LRU hash                 sp_question_key  struct sp_question
 *   processes   LRU hash                 u32 tgid         struct sp_process (event.h), head.cookie = announced
 *   programs    hash                     u32 tgid         struct sp_program, until the process ends
 *   cgroups     hash                     u64 kernfs id    struct sp_cgroup_ids: named by root, until it is removed
 *   user_cgroups LRU hash                u64 kernfs id    struct sp_cgroup_ids: all others
 *   flows       LRU hash                 sp_flow_key      struct sp_flow: everything except TCP
 *   sockets     socket storage           -                struct sp_socket: TCP
 *   texts       socket storage           -                struct sp_text of an incomplete message
 *   dns_sockets socket storage           -                struct sp_dns_socket: TCP to port 53
 *   dns_answers LRU hash                 u64 cookie       struct sp_dns_buffer: an answer over TCP, in pieces
 *   begun       socket storage           -                struct sp_begun (traffic/begun.h): peers of a UDP socket
 *   awaited     socket storage           -                struct sp_awaited: an HTTP request without its response
 *   quics       array                    u32              struct sp_quic_connection (traffic/quic_types.h)
 *   counters    per-CPU array            u32              u64: SP_COUNT_*
 *   rules       per-CPU array            u32 slot*4+phase struct sp_rule_count
 *   shares      LRU hash                 u64 unit/cgroup  struct sp_share: of the ring buffer
 *   events      ring buffer */
#ifndef SALLYPORT_WIRE_STATE_H
#define SALLYPORT_WIRE_STATE_H

#include "event.h"
#include "learned.h"
#include "policy.h"
#include "reader_state.h"

#define SP_DNS_PORT 53

struct sp_address {
	__u8 bytes[16]; /* network order, IPv4 mapped */
};

struct sp_control {
	__u32 generation; /* of the policy in force; written after the switch */
	/* low half of the kernfs id of the watched cgroup, to which paths are relative; no two nodes share it */
	__u32 root;
	__u64 last_wakeup; /* of the reader of the ring, CLOCK_MONOTONIC [ns] */
	__u32 announce; /* id of the daemon: processes and cgroups announced to another daemon are announced again */
	__u32 daemon_pid; /* status only: the daemon's own DNS and API traffic is reported like any other */
	__u64 first_end; /* of the policy in force, as in its head */
};

struct sp_name {
	__u16 text_len, labels; /* labels: of the whole name; hashes of the rightmost SP_LABELS_MAX */
	__u32 reserved;
	__u64 label[SP_LABELS_MAX]; /* label i of the name, from the left, is [i % SP_LABELS_MAX] */
	char text[SP_NAME_MAX]; /* as first seen, in lower case */
};

struct sp_question_key {
	__u64 cookie;
	__u64 resolver[2]; /* network order, IPv4 mapped; a client may ask several at once with one id */
	__u16 id, type; /* DNS message id and QTYPE */
	__u32 reserved;
};

enum sp_question_flag {
	SP_QUESTION_TRUSTED = 1, /* to a trusted resolver */
	SP_QUESTION_LOCAL = 2, /* to a resolver on this host */
};

struct sp_question {
	__u64 name_hash, time;
	__u32 tgid;
	__u8 flags, reserved2[3]; /* enum sp_question_flag */
	__u64 start, cgroup;
	__u64 netns; /* cookie */
	__u64 stands_for; /* hash of the name that a rule decided: see traffic/stands_for.h; 0: none */
};

/* The target of an SRV, HTTPS or SVCB record, in the network namespace in which it was asked for. */
struct sp_target_key {
	__u64 name, netns;
};

struct sp_target {
	__u64 stands_for; /* hash of the name that has the record */
	__u64 expires; /* CLOCK_MONOTONIC [ns] */
};

struct sp_program {
	__u64 start; /* as in sp_head */
	__u64 exe_hash; /* as in sp_process */
};

#define SP_EXE_NONE 1 /* exe_hash of the kernel, which has no program and is no unknown one */

/* First index of each kind in sp_cgroup_ids.hash, and the maximum number of each kind. */
#define SP_IDS_UNIT 0 /* the unit and the slices above it */
#define SP_IDS_UNITS_MAX 8
#define SP_IDS_CONTAINER 8 /* "*", and the id or name of the container */
#define SP_IDS_CONTAINERS_MAX 2
#define SP_IDS_PATH 16 /* each prefix of the path, root first */
#define SP_IDS_PATHS_MAX 16
#define SP_IDS_MAX (SP_IDS_PATH + SP_IDS_PATHS_MAX)

struct sp_cgroup_ids { /* hashes as in policy.h; constant for an id */
	__u32 announced;
	__u8 units, containers, paths;
	__u8 unknown; /* the watched cgroup was not reached: too deep below it, or elsewhere */
	__u64 hash[SP_IDS_MAX];
};

struct sp_flow_key {
	__u64 cookie;
	__u8 remote[16];
	__u16 remote_port;
	__u8 protocol, reserved[5];
};

enum sp_flow_flag {
	SP_FLOW_INBOUND = 1,
	SP_FLOW_REPORTED = 2,
	SP_FLOW_NAME_DENIED = 4, /* denied by phase tls, not by connect */
	SP_FLOW_MUST_BE_NAMED = 8, /* connect allowed it because of a name that has not been seen yet */
	SP_FLOW_UNREAD = 16, /* a datagram that cannot be read was judged and allowed */
	SP_FLOW_EVICTED = 32, /* an incomplete connection, or one with 0-RTT data, was evicted from `quics` */
	SP_FLOW_LOCAL = 64, /* inbound: began within this host, so only packets within it are responses */
};

#define SP_FLOW_NAMES 4

struct sp_flow {
	__u64 first, last; /* CLOCK_MONOTONIC [ns] */
	__u64 bytes_out, bytes_in, packets_out, packets_in; /* IP payload without the UDP header */
	__u32 epoch; /* of the policy that judged it: see SP_EPOCH_SHIFT */
	__u8 verdict, flags;
	__u16 local_port;
	/* QUIC: names of the ClientHellos that were allowed, judged again by a new policy */
	__u64 names[SP_FLOW_NAMES]; /* 0: one without a name, or more names than the array holds */
	__u64 half_since; /* CLOCK_MONOTONIC [ns] */
	__u16 half_datagrams; /* since half_since */
	__u8 half_read; /* connections with an incomplete ClientHello whose first piece was sent */
	__u8 named, bound; /* number of names; a bit for each: the address was learned for it */
	__u8 reserved[3];
};

enum sp_socket_state {
	SP_SOCKET_WHO = 0, /* only the caller is known: judge the first data */
	SP_SOCKET_JUDGED = 1,
	SP_SOCKET_PASSIVE = 2, /* a listener, or a socket that it accepted */
};

struct sp_socket {
	__u32 epoch; /* of the policy that judged it */
	__u8 state, verdict; /* enum sp_socket_state, sp_verdict */
	__u16 flags; /* enum sp_socket_flag */
	__u64 name_hash; /* of the ClientHello; judged again by a new policy */
	/* the process that connected, if a policy needs it */
	__u64 exe_hash, cgroup, start;
	__u32 tgid, uid;
	/* valid with SP_SOCKET_READING */
	__u64 pending_since; /* CLOCK_MONOTONIC [ns]: a message is incomplete since then; 0: none */
	__u32 next; /* sequence number of the next byte to read */
	__u32 segments; /* read so far */
	__u32 answer_at; /* sequence number of the answer that shows the peer's protocol */
	__u8 awaits; /* enum sp_socket_awaits */
	__u8 peer; /* enum sp_peer; written at ingress */
	__u8 reserved[2];
	struct sp_reader reader;
};

enum sp_socket_awaits {
	SP_AWAITS_NOTHING = 0,
	SP_AWAITS_ANSWER, /* at answer_at */
	SP_AWAITS_FIRST, /* the first data of the peer: TCP Fast Open */
};

enum sp_socket_flag {
	SP_SOCKET_HAS_WHO = 1,
	SP_SOCKET_NAMED = 2, /* judged by phase tls */
	SP_SOCKET_BOUND = 4,
	SP_SOCKET_READING = 8, /* a name can still follow */
	SP_SOCKET_MUST_BE_NAMED = 16, /* connect allowed it because of that name */
	SP_SOCKET_CUT = 32, /* the map `texts` holds the incomplete message */
	SP_SOCKET_UNREAD = 64, /* judged by phase tls as something that cannot be read */
	SP_SOCKET_ASKED = 128, /* the map `awaited` may hold a request */
	SP_SOCKET_WATCH_KNOWN = 512,
	SP_SOCKET_WATCHED = 1024, /* with WATCH_KNOWN: what follows may be denied by what it says */
	SP_SOCKET_CREATED = 256, /* not TCP: created while the programs ran, so nothing was sent before them */
	SP_SOCKET_REQUESTED = 512, /* an HTTP request has shown the name; the next ones must, too */
};

struct sp_rule_count {
	__u64 enforced; /* allow, deny or alert that took effect */
	__u64 observed; /* mode observe: would have denied */
};

struct sp_share {
	__u64 since; /* CLOCK_MONOTONIC [ns]: events are counted from then */
	__u64 throttled, cgroup; /* events that were not written, and the cgroup of the last of them */
	__u32 ordinary, denials; /* events that were written */
};

/* Request of the program `judge`, and its reply in the same bytes. */
struct sp_judge_request {
	__u8 ethernet[16]; /* zeros: the test run expects an Ethernet header */
	__u8 remote[16];
	__u64 exe_hash, cgroup;
	__u32 uid;
	__u16 remote_port;
	__u8 protocol, phase;
	__u16 name_len;
	__u8 flags, method_len; /* flags: enum sp_judge_flag; method_len and the next two apply to phase http */
	__u16 path_len, status;
	__u64 netns; /* cookie, or SP_NETNS_OWN */
	/* out */
	__u64 name_hash;
	__u32 generation;
	__u16 rule, alert;
	__u8 action, reason, verdict, spare[5];
	char name[SP_NAME_MAX];
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX];
}; /* 624 bytes */

enum sp_judge_flag {
	SP_JUDGE_LIVE = 1, /* the flow exists: learned addresses do not expire */
	SP_JUDGE_BOUND = 2, /* tls: the address was learned for the name when it was first judged */
	SP_JUDGE_NOT_DNS = 4, /* connect: a resolver's port grants no exception */
	SP_JUDGE_UNREAD = 8, /* dns, tls, http: what was sent cannot be read, and may be for any name */
};

/* Request of the program `learn_address`, and its reply in the same bytes. */
struct sp_learn_request {
	__u8 ethernet[16];
	__u8 address[16];
	__u64 netns; /* cookie, SP_NETNS_ANY, or SP_NETNS_OWN, which is replaced by the cookie */
	__u64 cgroup; /* whose limit applies; 0: none */
	__u64 name_hash; /* out */
	__u32 ttl; /* [s] */
	__u16 name_len;
	__u8 learned, reserved; /* out */
	char name[SP_NAME_MAX];
}; /* 320 bytes */

#define SP_RULE_SLOTS 2048
#define SP_RULE_COUNTERS (SP_RULE_SLOTS * SP_PHASES)

/* Indexes of the map `counters`: base + offset. */
enum sp_counter {
	/* + (phase * SP_VERDICTS + verdict) * SP_REASONS + reason: 0..511; verdict 0 is an allow in mode observe */
	SP_COUNT_DECISION = 0,
	SP_COUNT_ALERT = 512, /* + phase */
	SP_COUNT_EVENT = 516, /* + event type (0..15): written */
	SP_COUNT_LOST = 532, /* + event type: lost because the ring was full */
	SP_COUNT_MAP_FULL = 548, /* + enum sp_map_id: a failed insert */
	SP_COUNT_PACKETS_DENIED = 564, /* packets of flows that were denied before; not counted as decisions */
	SP_COUNT_BYTES_DENIED = 565,
	SP_COUNT_NO_SCRATCH = 566,
	SP_COUNT_ANSWERS = 567, /* + enum sp_answer_count */
	SP_COUNT_TCP_BYTES_OUT = 576,
	SP_COUNT_TCP_BYTES_IN = 577, /* of connections that ended */
	SP_COUNT_UDP_BYTES_OUT = 578,
	SP_COUNT_UDP_BYTES_IN = 579, /* payload of flows, counted for each packet */
	SP_COUNT_LEARNED_EVICTED = 580, /* a name was evicted from an address with more than 16 */
	SP_COUNT_THROTTLED = 581, /* among SP_COUNT_LOST: the unit had used up its share of the ring */
	SP_COUNTERS = 592,
};

enum sp_answer_count {
	SP_ANSWERS_LEARNED = 0, /* addresses */
	SP_ANSWERS_UNASKED = 1, /* no such question was sent to this resolver on this socket */
	SP_ANSWERS_UNTRUSTED = 2, /* the resolver is not trusted */
	SP_ANSWERS_MISMATCH = 3, /* another name than in the question */
	SP_ANSWERS_BROKEN = 4, /* malformed */
	SP_ANSWERS_EMPTY = 5, /* without an address */
	SP_ANSWERS_TRUNCATED = 6, /* TC is set: the rest comes over TCP */
	SP_ANSWERS_CAPPED = 7, /* not learned: the name has too many addresses */
	SP_ANSWERS_LOCAL = 8, /* not learned: addresses of this host or link */
};

enum sp_map_id {
	SP_MAP_NAMES = 0,
	SP_MAP_LEARNED = 1,
	SP_MAP_QUESTIONS = 2,
	SP_MAP_PROCESSES = 3,
	SP_MAP_CGROUPS = 4,
	SP_MAP_FLOWS = 5,
	SP_MAP_SOCKETS = 6,
	SP_MAP_DNS_ANSWERS = 7,
	SP_MAP_TARGETS = 8,
	SP_MAP_PROGRAMS = 9,
	SP_MAP_COVERED = 10,
	SP_MAP_CLAIMS = 11,
};

#endif
