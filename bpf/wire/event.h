/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Events in the ring buffer `events`, as the programs write them and user space reads them.
 *
 * This header is the only definition of the layout. The native addon copies the bytes and reads only `head`.
 * scripts/layout/ generates the offsets that src/native/ decodes the rest with from the BTF of the object.
 * Integers are in host order, which is little endian; so are ports. Addresses are 16 bytes in network order,
 * and IPv4 is mapped (::ffff:a.b.c.d). Times are CLOCK_MONOTONIC [ns] unless a field says otherwise. */
#ifndef SALLYPORT_WIRE_EVENT_H
#define SALLYPORT_WIRE_EVENT_H

#include <linux/types.h>

#define SP_LAYOUT_VERSION 8 /* of events, maps and policy; pins with another version are replaced */

#define SP_NAME_MAX 256 /* RFC 1035 2.3.4: 255 octets, and one of padding */
#define SP_METHOD_MAX 16
#define SP_PATH_MAX 256
#define SP_COMM_LEN 16
#define SP_TEXT_MAX 512

enum sp_event_type {
	SP_EVENT_CONNECT = 1, /* struct sp_decision: connect(), sendmsg() or the first packet of a flow */
	SP_EVENT_QUESTION = 2, /* struct sp_named: a DNS question was sent or denied */
	SP_EVENT_HELLO = 3, /* struct sp_named: a TLS ClientHello */
	SP_EVENT_ANSWER = 4, /* struct sp_answer: one address of a DNS answer, or an answer without one */
	SP_EVENT_END = 5, /* struct sp_end: a socket was released, or a flow ended */
	SP_EVENT_PROCESS = 6, /* struct sp_process: precedes the first event of a process */
	SP_EVENT_CGROUP = 7, /* struct sp_cgroup: precedes the first event of a cgroup */
	SP_EVENT_REQUEST = 8, /* struct sp_request: an HTTP request in cleartext, or its response */
};

enum sp_phase { SP_PHASE_DNS = 0, SP_PHASE_CONNECT = 1, SP_PHASE_TLS = 2, SP_PHASE_HTTP = 3, SP_PHASES = 4 };

enum sp_verdict {
	SP_ALLOW = 1,
	SP_DENY = 2, /* enforced */
	SP_WOULD_DENY = 3, /* mode observe: recorded, but not enforced */
	SP_VERDICTS = 4,
};

enum sp_hook {
	SP_HOOK_CONNECT = 1,
	SP_HOOK_SENDMSG = 2,
	SP_HOOK_EGRESS = 3,
	SP_HOOK_INGRESS = 4,
	SP_HOOK_RELEASE = 5,
};

/* The reason of a decision. Decisions with SP_BY_RULE name the rule, SP_UNREAD may, all others have rule ==
 * SP_NO_RULE. */
enum sp_reason {
	SP_BY_RULE = 1,
	SP_BY_DEFAULT = 2, /* the default action of the phase */
	SP_BY_RESOLVER = 3, /* port 53 of a trusted resolver: phase dns decides */
	SP_BY_INBOUND = 4, /* the peer opened the connection or flow */
	SP_BY_KERNEL = 5, /* control packets of the kernel: neighbour discovery, IGMP, MLD, resets */
	SP_NAME_UNBOUND = 6, /* a rule allows the name, but DNS never returned this address for it */
	SP_NAME_MISSING = 7, /* a ClientHello without SNI, and no rule without a name allows it */
	SP_NAME_BAD = 8, /* not a host name: control bytes, an address, or over 253 characters */
	SP_INCOMPLETE = 9, /* the ClientHello continues in another packet */
	SP_NOT_TLS = 10, /* name_binding sni: allowed by name only, and the stream does not begin with a ClientHello */
	SP_UNREADABLE = 11, /* malformed headers, a fragment without ports, or a malformed question or request */
	SP_NO_POLICY = 12, /* no policy is loaded */
	SP_NO_ROOM = 13, /* a map or all scratch areas were full: the default decided */
	SP_QUIC_UNREAD = 14, /* QUIC of an unknown version, so the name is unknown */
	SP_UNREAD = 15, /* what was sent may be for a server, but not the same for each: no name can allow it */
	SP_NAME_EXPIRED = 16, /* a rule allows a name of the address, but the DNS answer that gave it has expired */
	SP_NAME_CAPPED = 17, /* a rule allows the name, but it has more addresses than are learned */
	SP_REASONS = 32,
};

#define SP_NO_RULE 0xffff

struct sp_head {
	__u16 size; /* of the whole record [bytes] */
	__u8 type; /* enum sp_event_type */
	__u8 version; /* SP_LAYOUT_VERSION */
	__u32 tgid; /* process id; 0: unknown */
	__u64 time; /* CLOCK_MONOTONIC [ns] */
	__u64 cookie; /* of the socket; 0: none */
	__u64 start; /* start of the process, CLOCK_BOOTTIME [ns]: with tgid it identifies a process */
	__u64 cgroup; /* kernfs id; 0: unknown */
}; /* 40 bytes */

struct sp_decision {
	struct sp_head head;
	__u32 uid;
	__u32 generation; /* of the policy that decided */
	__u16 rule; /* index of the deciding rule, or SP_NO_RULE */
	__u16 alert; /* index of the first matching alert rule, or SP_NO_RULE */
	__u8 phase, verdict, reason, hook;
	__u8 remote[16], local[16];
	__u16 remote_port, local_port;
	__u8 protocol; /* IPPROTO_ */
	__u8 action; /* of the policy: SP_ALLOW or SP_DENY, independent of its mode */
	__u16 name_len; /* length of sp_named.name; 0 in other events */
	__u64 name_hash; /* the name that decided or was read; 0: none */
	__u64 netns; /* cookie of the socket's network namespace */
	char comm[SP_COMM_LEN];
	__u64 reserved;
}; /* 136 bytes */

struct sp_named {
	struct sp_decision decision;
	__u16 query_type; /* DNS QTYPE; 0 for a ClientHello */
	__u16 query_id;
	__u32 flags; /* enum sp_hello_flag */
	char name[SP_NAME_MAX]; /* as sent, with dots between labels and no terminator; decision.name_len bytes */
}; /* 400 bytes */

enum sp_hello_flag {
	SP_HELLO_ECH = 1, /* the extension encrypted_client_hello, real or GREASE */
	SP_HELLO_EARLY_DATA = 2,
};

/* Distinct from enum sp_hello_flag: sp_text.flags holds both. */
enum sp_request_flag {
	SP_REQUEST_CONNECT = 0x100, /* the target is a name: a tunnel through a proxy */
	SP_REQUEST_ABSOLUTE = 0x200, /* the target is a URI, and its name replaces Host (RFC 9112 3.2.2) */
	SP_REQUEST_UPGRADE = 0x400, /* the request asks to switch the protocol */
	SP_REQUEST_TWO_NAMES = 0x800, /* the target is a URI, and Host has another name */
	SP_REQUEST_H2C = 0x1000, /* HTTP/2 with prior knowledge */
	SP_REQUEST_BROKEN = 0x2000, /* the head is malformed */
};

struct sp_request {
	struct sp_decision decision;
	__u32 flags; /* enum sp_request_flag */
	__u16 status; /* of the response; 0: this is the request */
	__u16 path_len, method_len; /* as sent; the arrays hold the beginning */
	__u16 reserved[3];
	char name[SP_NAME_MAX]; /* Host, or the name in the target, as sent; decision.name_len bytes */
	char method[SP_METHOD_MAX];
	char path[SP_PATH_MAX]; /* including the query */
}; /* 680 bytes */

struct sp_answer {
	struct sp_head head; /* cookie: the querying socket */
	__u64 name_hash; /* of the name in the question */
	__u32 ttl; /* as received [s] */
	__u32 flags; /* enum sp_answer_flag */
	__u8 address[16];
	__u8 resolver[16];
	__u64 netns; /* cookie of the network namespace for which it is learned */
	__u16 query_type, query_id;
	__u8 outcome, reserved[3]; /* enum sp_outcome */
}; /* 104 bytes */

/* How a DNS question ended. */
enum sp_outcome {
	SP_OUTCOME_NONE = 1, /* no response, as far as known */
	SP_OUTCOME_ANSWERED = 2,
	SP_OUTCOME_NODATA = 3, /* RFC 2308 2.2: the name exists, and has no record of this type */
	SP_OUTCOME_NXDOMAIN = 4,
	SP_OUTCOME_SERVFAIL = 5,
	SP_OUTCOME_REFUSED = 6,
	SP_OUTCOME_TRUNCATED = 7, /* the client asks again over TCP */
	SP_OUTCOME_OTHER = 8, /* another response code */
};

enum sp_answer_flag {
	SP_ANSWER_EMPTY = 8, /* the answer has no address */
	SP_ANSWER_UNTRUSTED = 1,
	SP_ANSWER_CAPPED = 2, /* reported, but not learned */
	SP_ANSWER_LOCAL = 4, /* likewise: an address of this host or link */
};

enum sp_end_how {
	SP_END_LOCAL = 1, /* closed by this host first */
	SP_END_REMOTE = 2, /* closed by the peer first */
	SP_END_RESET = 3, /* reset or timed out after it was established */
	SP_END_REFUSED = 4, /* never established: refused, unreachable, timed out */
	SP_END_DENIED = 5, /* ended by the policy */
	SP_END_IDLE = 6, /* UDP; set by user space */
};

struct sp_end {
	struct sp_head head;
	__u64 bytes_out, bytes_in; /* payload [bytes] */
	__u64 packets_out, packets_in; /* TCP segments, UDP datagrams */
	__u8 remote[16], local[16];
	__u16 remote_port, local_port;
	__u8 protocol, how, state, reserved; /* state: enum in net/tcp_states.h at release */
	__u32 rtt_us; /* smoothed round-trip time; 0: unknown */
	__u32 retransmits;
}; /* 120 bytes */

struct sp_process {
	struct sp_head head;
	__u32 ppid, uid, gid, dev; /* dev: (major << 20) | minor of the file system of the executable */
	__u64 inode; /* of the executable */
	__u64 parent_start;
	__u16 path_len, args_len;
	__u32 flags; /* enum sp_process_flag */
	char comm[SP_COMM_LEN];
	char parent_comm[SP_COMM_LEN];
	char path[SP_TEXT_MAX]; /* within its file system, leaf first: "curl/bin/usr/" is /usr/bin/curl */
	char args[SP_TEXT_MAX]; /* separated by NUL */
	__u64 exe_hash; /* hash of dev and path (policy.h); 0: unknown */
}; /* 1144 bytes */

enum sp_process_flag {
	SP_PATH_CUT = 1, /* over 31 components, or longer than SP_TEXT_MAX */
	SP_ARGS_CUT = 2,
	SP_PROCESS_FORKED = 4, /* read at the first connection, not at exec */
};

struct sp_cgroup {
	struct sp_head head; /* cgroup: the id */
	__u16 path_len, named_len; /* named_len: of the part whose names can be a unit or a container */
	__u32 flags; /* enum sp_cgroup_flag */
	char path[SP_TEXT_MAX]; /* below the watched cgroup, root first: "system.slice/agent.service/" */
}; /* 560 bytes */

enum sp_cgroup_flag {
	SP_CGROUP_UNKNOWN = 1, /* the watched cgroup was not reached: there is no path */
};

#endif
