/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Every packet passes here. Egress is the authority: it judges what no connect hook has judged, and reads the names.
 * Ingress learns what DNS answers, and which flows the other side opened. */
#ifndef SALLYPORT_HOOKS_PACKET_H
#define SALLYPORT_HOOKS_PACKET_H

#include "learn.h"
#include "packet.h"
#include "record.h"

#define SP_PASS 1
#define SP_DROP 0
#define SP_DNS_PORT 53

static __always_inline __u32 sp_generation(void)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? c->generation : 0;
}

static __always_inline void sp_subject_of_packet(struct sp_scratch *area, struct __sk_buff *skb, struct bpf_sock *sk,
						 const struct sp_packet *p, const struct sp_socket *socket)
{
	struct sp_subject *s = &area->subject;
	struct sock *kernel_sk;

	s->remote[0] = p->destination[0];
	s->remote[1] = p->destination[1];
	s->local[0] = p->source[0];
	s->local[1] = p->source[1];
	s->remote_port = p->destination_port;
	s->local_port = p->source_port;
	s->protocol = p->protocol;
	s->phase = SP_PHASE_CONNECT;
	s->hook = SP_HOOK_EGRESS;
	s->cookie = bpf_get_socket_cookie(skb);
	kernel_sk = sp_plain(sk);
	s->netns = BPF_CORE_READ(kernel_sk, __sk_common.skc_net.net, net_cookie);
	if (socket && socket->flags & SP_SOCKET_HAS_WHO) {
		s->exe_hash = socket->exe_hash;
		s->cgroup = socket->cgroup;
		s->start = socket->start;
		s->tgid = socket->tgid;
		s->uid = socket->uid;
		return;
	}
	s->uid = bpf_get_socket_uid(skb);
	s->cgroup = bpf_skb_cgroup_id(skb);
	if (sp_policy_in_force())
		sp_know_cgroup(area, BPF_CORE_READ(kernel_sk, sk_cgrp_data.cgroup));
}

/* --- TCP: payload is judged once a socket, then one storage look-up a packet --- */

/* Does something listen on the local port? Then a socket of unknown origin on that port was accepted, not connected. Asked only
 * of sockets that are older than the programs. */
static __always_inline bool sp_is_listening(struct __sk_buff *skb, const struct sp_subject *s)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;
	bool listening;
	__u32 size;

	if (sp_is_v4(s->local)) {
		tuple.ipv4.daddr = s->local[1] >> 32;
		tuple.ipv4.saddr = s->remote[1] >> 32;
		tuple.ipv4.dport = bpf_htons(s->local_port);
		size = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.daddr, s->local, 16);
		__builtin_memcpy(tuple.ipv6.saddr, s->remote, 16);
		tuple.ipv6.dport = bpf_htons(s->local_port);
		size = sizeof(tuple.ipv6);
	}
	/* the remote port is left 0, so no established socket is found, only a listener */
	found = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return false;
	listening = found->state == TCP_LISTEN;
	bpf_sk_release(found);
	return listening;
}

/* Read the hello in this packet, if it is one: its name into area->name and subject.name_hash. Returns enum sp_tls_result. */
__noinline int sp_read_hello(struct __sk_buff *skb, struct sp_scratch *area, __u32 payload)
{
	struct sp_tls_walk walk = {.bytes = {.packet = skb, .end = skb->len}};
	__u32 length;

	if (!area)
		return SP_TLS_NONE;
	sp_tls_hello(&walk, payload);
	if (walk.result == SP_TLS_NONE)
		return SP_TLS_NONE;
	area->named.flags = walk.flags;
	area->named.query_type = area->named.query_id = 0;
	area->raw_length = 0;
	area->subject.name_hash = 0;
	length = walk.name_length;
	if (walk.result != SP_TLS_NAMED || length == 0 || length >= SP_NAME_MAX ||
	    bpf_skb_load_bytes(skb, walk.name_at, area->name.raw, ((length - 1) & 0xff) + 1))
		return walk.result;
	area->raw_length = length;
	area->subject.name_hash = sp_learn_name(area, length);
	return walk.result;
}

/* Why a hello has no name to judge by. */
static __always_inline __u8 sp_why_nameless(int result)
{
	if (result == SP_TLS_NAMED)
		return SP_NAME_BAD;
	return result == SP_TLS_UNNAMED ? SP_NAME_MISSING : SP_INCOMPLETE;
}

/* Phase tls. 1 if this packet is a hello: the subject then holds a decision of phase tls. */
__noinline int sp_judge_hello(struct __sk_buff *skb, struct sp_scratch *area, __u32 payload)
{
	struct sp_subject *s;
	__u32 generation;
	__u64 name;
	int result;

	if (!area)
		return 0;
	s = &area->subject;
	generation = s->generation;
	result = sp_read_hello(skb, area, payload);
	if (result == SP_TLS_NONE)
		return 0;
	name = s->name_hash;
	s->phase = SP_PHASE_TLS;
	s->name_hash = name;
	sp_decide(s);
	if (s->generation != generation) { /* the policy changed between the phases: one whole policy decides */
		s->phase = SP_PHASE_CONNECT;
		sp_decide(s);
		if (s->action == SP_ALLOW) {
			s->phase = SP_PHASE_TLS;
			s->name_hash = name;
			sp_decide(s);
		}
	}
	if (!name && s->action == SP_DENY && s->reason == SP_BY_DEFAULT)
		s->reason = sp_why_nameless(result);
	sp_record_named(area, SP_EVENT_HELLO, area->raw_length);
	return 1;
}

static __always_inline int sp_drop(struct __sk_buff *skb)
{
	sp_count(SP_COUNT_PACKETS_DENIED);
	sp_count_by(SP_COUNT_BYTES_DENIED, skb->len);
	return SP_DROP;
}

/* The first payload of a socket, or the first since a new policy. */
__noinline int sp_judge_stream(struct __sk_buff *skb, struct sp_scratch *area, __u32 payload)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;
	bool again, recorded, named = false;
	struct sp_subject *s;
	__u8 verdict;

	if (!area || !sk)
		return SP_DROP;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_DROP;
	s = &area->subject;
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	again = socket && socket->state == SP_SOCKET_JUDGED;
	recorded = again || (socket && socket->flags & SP_SOCKET_HAS_WHO);
	if (again)
		s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (s->action == SP_DENY && !socket && sp_is_listening(skb, s)) {
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (socket)
			socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	/* In mode observe phase tls is still asked after a denial by connect: one connection shows both. */
	if (sp_verdict_of(s) != SP_DENY) {
		bool denied = s->action == SP_DENY;

		if (again && socket->flags & SP_SOCKET_NAMED) {
			s->phase = SP_PHASE_TLS;
			s->name_hash = socket->name_hash;
			if (socket->flags & SP_SOCKET_BOUND)
				s->flags |= SP_JUDGE_BOUND;
			sp_decide(s);
		} else {
			named = !again && sp_judge_hello(skb, area, payload);
			if (!named && s->must_be_named) {
				s->action = SP_DENY;
				s->reason = SP_NOT_TLS;
				s->rule = SP_NO_RULE;
			}
		}
		if (denied)
			s->action = SP_DENY; /* the storage keeps the worse of the two */
	}
	verdict = sp_verdict_of(s);
	if (!named && verdict != SP_ALLOW && !(recorded && socket->verdict == verdict) &&
	    !(s->phase == SP_PHASE_CONNECT && recorded && verdict == SP_WOULD_DENY))
		sp_record_connect(s);
	if (!socket)
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
		return verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
	}
	if (named) {
		socket->flags |= SP_SOCKET_NAMED;
		socket->name_hash = s->name_hash;
		if (s->bound)
			socket->flags |= SP_SOCKET_BOUND;
	}
	socket->verdict = verdict;
	socket->generation = s->generation;
	socket->state = SP_SOCKET_JUDGED;
	return verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

/* Has a connect hook allowed this socket just now, on this CPU, for this destination, by the policy in force? */
static __always_inline bool sp_has_just_passed(struct __sk_buff *skb, const struct sp_packet *p)
{
	__u32 zero = 0;
	struct sp_passed *before = bpf_map_lookup_elem(&passed, &zero);

	return before && before->cookie == bpf_get_socket_cookie(skb) && before->remote[0] == p->destination[0] &&
	       before->remote[1] == p->destination[1] && before->port == p->destination_port &&
	       before->generation == sp_generation();
}

/* No payload: a SYN, or a mere acknowledgement of a socket that has sent nothing yet. It is judged each time, and remembered only if it
 * is denied. */
__noinline int sp_judge_control(struct __sk_buff *skb, struct sp_subject *s)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;

	if (!s || !sk)
		return SP_DROP;
	s->flags |= SP_JUDGE_LIVE;
	sp_decide(s);
	if (sp_verdict_of(s) != SP_DENY)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_DROP;
	socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket && sp_is_listening(skb, s)) {
		socket->state = SP_SOCKET_PASSIVE;
		return SP_PASS;
	}
	sp_record_connect(s);
	if (!socket)
		return sp_drop(skb);
	socket->verdict = SP_DENY;
	socket->generation = s->generation;
	socket->state = SP_SOCKET_JUDGED;
	return sp_drop(skb);
}

static __always_inline int sp_egress_tcp(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_socket *socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct sp_scratch *area;
	struct sp_packet p;
	bool judged, stale;
	int verdict;

	if (socket && socket->state == SP_SOCKET_PASSIVE)
		return SP_PASS;
	if (socket && socket->state == SP_SOCKET_JUDGED && socket->verdict != SP_DENY &&
	    socket->generation == sp_generation())
		return SP_PASS;
	if (sk->state == TCP_LISTEN) /* SYN-ACK: the request has no socket of its own yet */
		return SP_PASS;
	if (sp_read_packet(skb, &p))
		return sp_drop(skb);
	judged = socket && socket->state == SP_SOCKET_JUDGED;
	stale = judged && socket->generation != sp_generation();
	if (p.payload == p.end && (p.tcp_flags & SP_TCP_RST || (judged && !stale)))
		return SP_PASS;
	if (judged && !stale)
		return sp_drop(skb); /* denied: what is allowed has passed above */
	if (p.payload == p.end && !stale && sp_has_just_passed(skb, &p))
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb); /* TCP sends it again */
	sp_subject_of_packet(area, skb, sk, &p, socket);
	/* A flow that only receives must meet a new policy too, by its acknowledgements. */
	verdict = p.payload == p.end && !stale ? sp_judge_control(skb, &area->subject) :
						 sp_judge_stream(skb, area, p.payload);
	sp_scratch_release(area);
	return verdict & 1; /* SP_PASS or SP_DROP: the verifier does not follow a global function's result */
}

/* --- everything else: judged once a flow --- */

/* RFC 4861 neighbour discovery, RFC 3810 MLD, RFC 3376 IGMP, answers to echo and errors: the kernel's own sockets send them. A user's
 * raw socket is not the kernel's, whatever it sends. */
static __always_inline bool sp_is_kernel_control(struct bpf_sock *sk, const struct sp_packet *p)
{
	struct sock *kernel_sk;

	if (p->protocol != IPPROTO_ICMP && p->protocol != IPPROTO_ICMPV6 && p->protocol != IPPROTO_IGMP &&
	    !(p->protocol == IPPROTO_TCP && p->payload == p->end))
		return false;
	kernel_sk = sp_plain(sk);
	return BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_kern_sock);
}

static __always_inline void sp_flow_key_of(struct sp_flow_key *key, __u64 cookie, const __u64 *remote, __u16 port, __u8 protocol)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = cookie;
	__builtin_memcpy(key->remote, remote, 16);
	key->remote_port = port;
	key->protocol = protocol;
}

static __always_inline void sp_flow_out(struct sp_flow *flow, const struct sp_packet *p)
{
	flow->last = bpf_ktime_get_ns();
	flow->local_port = p->source_port;
	__sync_fetch_and_add(&flow->packets_out, 1);
	__sync_fetch_and_add(&flow->bytes_out, p->end - p->payload);
}

__noinline int sp_egress_flow(struct __sk_buff *skb, struct sp_packet *p, struct sp_subject *s, bool readable)
{
	struct sp_flow fresh = {}, *flow;
	struct sp_flow_key key;
	__u8 verdict;

	if (!p || !s)
		return SP_DROP;
	sp_flow_key_of(&key, s->cookie, s->remote, s->remote_port, s->protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && (flow->flags & SP_FLOW_INBOUND || flow->generation == sp_generation())) {
		if (flow->verdict == SP_DENY)
			return sp_drop(skb);
		sp_flow_out(flow, p);
		return SP_PASS;
	}
	sp_decide(s);
	if (!readable && s->action == SP_DENY && s->reason == SP_BY_DEFAULT)
		s->reason = SP_UNREADABLE;
	verdict = sp_verdict_of(s);
	if (!flow || flow->verdict != verdict)
		sp_record_connect(s);
	if (!flow) {
		fresh.first = bpf_ktime_get_ns();
		fresh.flags = SP_FLOW_REPORTED;
		fresh.verdict = verdict;
		fresh.generation = s->generation;
		if (bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
		flow = bpf_map_lookup_elem(&flows, &key);
	} else {
		flow->verdict = verdict;
		flow->generation = s->generation;
	}
	if (verdict == SP_DENY)
		return sp_drop(skb);
	if (flow)
		sp_flow_out(flow, p);
	return SP_PASS;
}

enum sp_question_result { SP_QUESTION_PASS, SP_QUESTION_DROP, SP_QUESTION_NONE };

/* Phase dns. SP_QUESTION_NONE: it is no question that can be read. */
__noinline int sp_judge_question(struct __sk_buff *skb, struct sp_scratch *area, __u32 payload, bool trusted)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};
	struct sp_question_key key = {};
	struct sp_scratch *again;
	struct sp_dns_head head;
	struct sp_subject *s;
	__u8 verdict, type[4];
	__u32 behind, length;

	if (!area)
		return SP_QUESTION_DROP;
	s = &area->subject;
	if (sp_dns_head(&bytes, payload, &head) || head.flags & SP_DNS_RESPONSE || head.questions != 1 || skb->gso_segs > 1)
		return SP_QUESTION_NONE;
	behind = sp_dns_name(&bytes, payload + SP_DNS_HEADER, &area->dns, area->name.raw);
	if (!behind || sp_read(&bytes, behind, type, sizeof(type)))
		return SP_QUESTION_NONE;
	length = area->dns.length;
	s->phase = SP_PHASE_DNS;
	s->name_hash = length ? sp_learn_name(area, length) : 0;
	sp_decide(s);
	verdict = sp_verdict_of(s);
	if (verdict != SP_DENY) {
		key.cookie = s->cookie;
		key.id = head.id;
		area->question.name_hash = s->name_hash;
		area->question.time = bpf_ktime_get_ns();
		__builtin_memcpy(area->question.resolver, s->remote, 16);
		area->question.tgid = s->tgid;
		area->question.start = s->start;
		area->question.cgroup = s->cgroup;
		area->question.trusted = trusted;
		again = sp_scratch_again(area);
		if (!again || bpf_map_update_elem(&questions, &key, &again->question, BPF_ANY))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_QUESTIONS);
	}
	area->named.query_type = sp_be16(type);
	area->named.query_id = head.id;
	area->named.flags = 0;
	sp_record_named(area, SP_EVENT_QUESTION, length);
	return verdict == SP_DENY ? SP_QUESTION_DROP : SP_QUESTION_PASS;
}

/* A message on port 53 that is no question which can be read: the default of phase dns, and no rule, speaks about it. */
__noinline int sp_judge_unreadable(struct sp_scratch *area)
{
	struct sp_subject *s;

	if (!area)
		return SP_DROP;
	s = &area->subject;
	s->phase = SP_PHASE_DNS;
	s->name_hash = 0;
	sp_decide(s);
	if (s->action != SP_DENY)
		return SP_PASS;
	s->reason = SP_UNREADABLE;
	area->named.query_type = area->named.query_id = 0;
	area->named.flags = 0;
	sp_record_named(area, SP_EVENT_QUESTION, 0);
	return sp_verdict_of(s) == SP_DENY ? SP_DROP : SP_PASS;
}

static __always_inline int sp_egress_dns(struct __sk_buff *skb, struct sp_packet *p, struct sp_scratch *area)
{
	struct sp_subject *s = &area->subject;
	bool trusted = sp_is_resolver(s->remote);

	if (!trusted && sp_egress_flow(skb, p, s, true) == SP_DROP)
		return SP_DROP;
	switch (sp_judge_question(skb, area, p->payload, trusted)) {
	case SP_QUESTION_PASS:
		return SP_PASS;
	case SP_QUESTION_DROP:
		return sp_drop(skb);
	default:
		if (sp_judge_unreadable(area) == SP_DROP)
			return sp_drop(skb);
		if (!trusted)
			return SP_PASS;
		s->phase = SP_PHASE_CONNECT; /* a trusted resolver is excused for DNS only */
		s->flags |= SP_JUDGE_NOT_DNS;
		return sp_egress_flow(skb, p, s, false);
	}
}

static __always_inline int sp_egress_other(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_socket *socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct sp_scratch *area;
	struct sp_packet p;
	bool readable = sp_read_packet(skb, &p) == 0;
	int verdict;

	if (sp_is_kernel_control(sk, &p))
		return SP_PASS;
	area = sp_scratch_claim();
	if (!area)
		return sp_drop(skb);
	sp_subject_of_packet(area, skb, sk, &p, socket);
	if (readable && p.protocol == IPPROTO_UDP && p.destination_port == SP_DNS_PORT)
		verdict = sp_egress_dns(skb, &p, area);
	else
		verdict = sp_egress_flow(skb, &p, &area->subject, readable);
	sp_scratch_release(area);
	return verdict & 1; /* SP_PASS or SP_DROP: the verifier does not follow a global function's result */
}

SEC("cgroup_skb/egress") int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return SP_PASS; /* not sent by a socket of this cgroup: the hook does not run for it */
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_PASS; /* a request or a time-wait socket: handshakes and resets, never data */
	if (sk->protocol == IPPROTO_TCP && sk->type == SOCK_STREAM)
		return sp_egress_tcp(skb, sk);
	return sp_egress_other(skb, sk);
}

/* --- ingress --- */

struct sp_answer_walk {
	struct sp_bytes bytes;
	struct sp_scratch *area;
	__u32 floor, grace, addresses, broken;
};

static long sp_answer_step(__u32 i, void *state)
{
	struct sp_answer_walk *w = state;
	struct sp_scratch *area = w->area;
	struct sp_answer *answer = &area->answer;
	__u64 lives;

	(void)i;
	switch (sp_dns_next(&w->bytes, &area->records)) {
	case SP_DNS_MORE:
		return 0;
	case SP_DNS_ADDRESS:
		break;
	case SP_DNS_BROKEN:
		w->broken = 1;
		return 1;
	default:
		return 1;
	}
	w->addresses++;
	answer->ttl = area->records.ttl;
	__builtin_memcpy(answer->address, area->records.address, 16);
	lives = answer->ttl > w->floor ? answer->ttl : w->floor;
	area->expires = answer->head.time + (lives + w->grace) * 1000000000ULL;
	if (!(answer->flags & SP_ANSWER_UNTRUSTED)) {
		sp_learn_address(area);
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_LEARNED);
	}
	sp_emit(answer, sizeof(*answer), SP_EVENT_ANSWER, answer->head.time, false);
	return 0;
}

/* Was this asked on this socket, of this resolver, for this name? Then the answer's head is filled; -1 if not. Leaves the offset of
 * the records. */
static __always_inline int sp_match_answer(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p,
					   const struct sp_dns_head *head, const struct sp_question_key *key)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};
	struct sp_question *question = bpf_map_lookup_elem(&questions, key);
	struct sp_answer *answer = &area->answer;
	__u64 resolver[2], name;
	__u32 behind;

	if (!question) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNASKED);
		return -1;
	}
	sp_event_head(&answer->head, SP_EVENT_ANSWER, sizeof(*answer), bpf_ktime_get_ns());
	answer->head.cookie = key->cookie;
	answer->head.tgid = question->tgid;
	answer->head.start = question->start;
	answer->head.cgroup = question->cgroup;
	answer->name_hash = question->name_hash;
	answer->flags = question->trusted ? 0 : SP_ANSWER_UNTRUSTED;
	__builtin_memcpy(resolver, question->resolver, 16);
	__builtin_memcpy(answer->resolver, resolver, 16);
	if (resolver[0] != p->source[0] || resolver[1] != p->source[1]) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	behind = sp_dns_name(&bytes, p->payload + SP_DNS_HEADER, &area->dns, area->name.raw);
	sp_hash_key(area->name.key);
	name = behind ? sp_name_read(&area->name, area->dns.length) : 0;
	if (!name || name != answer->name_hash) {
		sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_MISMATCH);
		return -1;
	}
	area->records.at = behind + 4;
	area->records.records = head->answers;
	return 0;
}

/* An answer counts only for a question that this socket asked of that resolver. Its addresses stand for the question's name, however
 * long the chain of CNAMEs between, and are known before the application can read them. */
__noinline int sp_read_answer(struct __sk_buff *skb, struct sp_packet *p)
{
	struct sp_answer_walk walk = {.bytes = {.packet = skb, .end = skb->len}};
	struct sp_policy_head *policy_head = sp_policy_in_force();
	struct sp_question_key key = {};
	struct sp_dns_head head;

	if (!p || !policy_head || sp_dns_head(&walk.bytes, p->payload, &head) || !(head.flags & SP_DNS_RESPONSE))
		return 0;
	walk.floor = policy_head->ttl_floor;
	walk.grace = policy_head->ttl_grace;
	key.cookie = bpf_get_socket_cookie(skb);
	key.id = head.id;
	walk.area = sp_scratch_claim();
	if (!walk.area)
		return 0;
	if (sp_match_answer(skb, walk.area, p, &head, &key) == 0) {
		if (walk.area->answer.flags & SP_ANSWER_UNTRUSTED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_UNTRUSTED);
		if (head.flags & SP_DNS_TRUNCATED)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_TRUNCATED);
		bpf_loop(SP_DNS_STEPS, sp_answer_step, &walk, 0);
		if (walk.broken)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_BROKEN);
		else if (walk.addresses == 0)
			sp_count(SP_COUNT_ANSWERS + SP_ANSWERS_EMPTY);
		bpf_map_delete_elem(&questions, &key);
	}
	sp_scratch_release(walk.area);
	return 0;
}

static __always_inline void sp_ingress_udp(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct sp_flow fresh = {}, *flow;
	struct sp_flow_key key;
	struct sock *kernel_sk;
	struct sp_packet p;

	if (sp_read_packet(skb, &p) || p.protocol != IPPROTO_UDP)
		return;
	if (p.source_port == SP_DNS_PORT)
		sp_read_answer(skb, &p);
	sp_flow_key_of(&key, bpf_get_socket_cookie(skb), p.source, p.source_port, p.protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow) {
		flow->last = bpf_ktime_get_ns();
		__sync_fetch_and_add(&flow->packets_in, 1);
		__sync_fetch_and_add(&flow->bytes_in, p.end - p.payload);
		return;
	}
	/* The other side opened the flow only if this is a server's socket: one that was bound to its port. What comes in
	 * unasked on a client's ephemeral port opens no way out. */
	kernel_sk = sp_plain(sk);
	if (!(BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return;
	fresh.first = fresh.last = bpf_ktime_get_ns();
	fresh.packets_in = 1;
	fresh.bytes_in = p.end - p.payload;
	fresh.flags = SP_FLOW_INBOUND;
	fresh.verdict = SP_ALLOW;
	fresh.local_port = p.destination_port;
	if (bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST))
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
}

SEC("cgroup_skb/ingress") int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sp_socket *socket;

	if (!sk)
		return SP_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return SP_PASS;
	if (sk->protocol == IPPROTO_TCP && sk->state == TCP_LISTEN) {
		socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (socket)
			socket->state = SP_SOCKET_PASSIVE;
		else
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
	} else if (sk->protocol == IPPROTO_UDP && sk->type == SOCK_DGRAM) {
		sp_ingress_udp(skb, sk);
	}
	return SP_PASS;
}

#endif
