/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reads a TCP stream at egress, by sequence numbers. Incomplete messages are kept with the socket, complete ones are
 * judged. */
#ifndef SALLYPORT_TRAFFIC_STREAM_READ_H
#define SALLYPORT_TRAFFIC_STREAM_READ_H

#include "hello_verdict.h"
#include "http_answer.h"

#define SP_PENDING_NS (10 * SP_NS_PER_S) /* a ClientHello that takes longer is judged as it is [ns] */
/* segments with payload in which a ClientHello must begin, and again in which it must end */
#define SP_WATCH_SEGMENTS 1024
#define SP_MESSAGES_MAX 16 /* in one packet */

enum sp_reading_at { SP_READING_DROP, SP_READING_PASS, SP_READING_ON, SP_READING_AGAIN };

static __always_inline void sp_open_reading(struct sp_reading *g, struct __sk_buff *skb, struct sp_scratch *area)
{
	g->bytes.packet = skb;
	g->bytes.end = area->cursor.limit = skb->len;
	g->bytes.window = &area->window;
	g->reader = &area->reader;
	g->text = &area->text;
	g->cursor = &area->cursor;
}

__noinline int sp_read_stream_not_http(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_reading reading = {};
	int result;

	if (!area)
		return SP_READ_OVER;
	sp_open_reading(&reading, skb, area);
	result = sp_read_not_http(&reading);
	area->hello = area->cursor.hello;
	return result;
}

__noinline int sp_read_stream_http(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_reading reading = {};
	int result;

	if (!area)
		return SP_READ_OVER;
	sp_open_reading(&reading, skb, area);
	result = sp_read_http(&reading);
	return result;
}

/* Reads the next bytes of the packet from area->cursor.at. Returns enum sp_read_result. Two global functions, each
 * verified once. */
static __always_inline int sp_read_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	return area->reader.kind == SP_READER_HTTP ? sp_read_stream_http(skb, area)
						   : sp_read_stream_not_http(skb, area);
}

/* Returns the storage of a packet's socket, and the full socket in `*sk`; NULL if either is missing. */
static __always_inline struct sp_socket *sp_socket_of(struct __sk_buff *skb, struct bpf_sock **sk)
{
	*sk = skb->sk;
	if (!*sk)
		return NULL;
	*sk = bpf_sk_fullsock(*sk);
	return *sk ? bpf_sk_storage_get(&sockets, *sk, 0, 0) : NULL;
}

static __always_inline void sp_forget_text(struct bpf_sock *sk, struct sp_socket *socket)
{
	if (!(socket->flags & SP_SOCKET_CUT))
		return;
	socket->flags &= ~SP_SOCKET_CUT;
	bpf_sk_storage_delete(&texts, sk);
}

static __always_inline int sp_deny_stream(struct __sk_buff *skb, struct sp_socket *socket, const struct sp_subject *s)
{
	socket->flags &= ~SP_SOCKET_READING;
	socket->verdict = sp_verdict_of(s);
	return socket->verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

/* Judges the ClientHello in area->text, with the result area->hello. */
__noinline int sp_end_hello(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_subject *s;

	socket = sp_socket_of(skb, &sk);
	if (!area || !socket)
		return SP_DROP;
	s = &area->subject;
	if (sp_has_shared_frags(skb))
		area->hello = SP_HELLO_BROKEN;
	sp_judge_hello(area, socket->generation);
	socket->flags |= SP_SOCKET_NAMED;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	socket->pending_since = 0;
	socket->name_hash = s->name_hash;
	socket->generation = s->generation;
	if (s->bound)
		socket->flags |= SP_SOCKET_BOUND;
	else
		socket->flags &= ~SP_SOCKET_BOUND;
	sp_forget_text(sk, socket);
	if (area->hello == SP_HELLO_CUT || area->hello == SP_HELLO_BROKEN)
		socket->flags &= ~SP_SOCKET_READING;
	if (s->action == SP_DENY)
		return sp_verdict_bit(sp_deny_stream(skb, socket, s));
	return SP_PASS;
}

/* Judges the request in area->text, which is complete or malformed. */
__noinline int sp_end_request(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;

	socket = sp_socket_of(skb, &sk);
	if (!area || !socket)
		return SP_DROP;
	area->text.status = 0;
	sp_judge_http(area);
	sp_forget_text(sk, socket);
	if (area->subject.action == SP_DENY)
		return sp_verdict_bit(sp_deny_stream(skb, socket, &area->subject));
	sp_await_answer(sk, &area->text);
	return SP_PASS;
}

/* Judges a stream that is not TLS. */
__noinline int sp_end_other(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_subject *s;

	socket = sp_socket_of(skb, &sk);
	if (!area || !socket)
		return SP_DROP;
	if (!(socket->flags & SP_SOCKET_MUST_BE_NAMED))
		return SP_PASS;
	s = &area->subject;
	s->phase = SP_PHASE_CONNECT;
	sp_decide(s);
	s->action = SP_DENY;
	s->reason = SP_NOT_TLS;
	s->rule = SP_NO_RULE;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	sp_record_connect(s);
	return sp_verdict_bit(sp_deny_stream(skb, socket, s));
}

/* Finds the first unread byte of the packet and loads the state of earlier ones into the area. */
__noinline int sp_begin_reading(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_text *text;
	__u32 behind;

	socket = sp_socket_of(skb, &sk);
	if (!area || !p || !socket)
		return SP_READING_DROP;
	if (socket->segments == 0)
		socket->next = p->sequence;
	behind = socket->next - p->sequence;
	if (behind >> 31)
		return SP_READING_DROP; /* an earlier segment was dropped: TCP sends both again */
	if (behind >= p->end - p->payload)
		return sp_has_shared_frags(skb) ? SP_READING_AGAIN : SP_READING_PASS; /* a retransmission */
	area->reader = socket->reader;
	area->text.name_length = 0;
	area->text.flags = 0;
	if (socket->flags & SP_SOCKET_CUT) {
		text = bpf_sk_storage_get(&texts, sk, 0, 0);
		if (text)
			area->text = *text;
	}
	area->cursor.at = p->payload + behind;
	return SP_READING_ON;
}

/* Reads a retransmission from pages that may have changed since they were read. A ClientHello in it is new and is
 * dropped. */
static __always_inline int sp_read_again(struct __sk_buff *skb, struct sp_scratch *area, const struct sp_packet *p)
{
	int result;

	__builtin_memset(&area->reader, 0, sizeof(area->reader));
	area->reader.kind = SP_READER_CLEARTEXT;
	area->reader.is_cleartext = 1;
	area->cursor.at = p->payload;
	result = sp_read_stream(skb, area);
	if (result == SP_READ_OVER || (result == SP_READ_MORE && !sp_reader_is_pending(&area->reader)))
		return SP_PASS;
	return SP_DROP;
}

/* Stores the state at the end of the packet. Pieces of an incomplete message pass, because the server can do nothing
 * without the last one. SP_DROP: the message took too long or cannot be stored, so it must be judged as it is. */
__noinline int sp_keep_reading(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p, bool over)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_text *text;
	bool pending;
	__u64 now;

	socket = sp_socket_of(skb, &sk);
	if (!area || !p || !socket)
		return SP_DROP;
	pending = !over && sp_reader_is_pending(&area->reader);
	if (!pending) {
		socket->pending_since = 0;
		sp_forget_text(sk, socket);
	} else {
		area->hello = SP_HELLO_CUT;
		/* urgent data is not part of the stream that the server reads */
		if (p->tcp_flags & SP_TCP_URG || sp_has_shared_frags(skb)) {
			area->hello = SP_HELLO_BROKEN;
			return SP_DROP;
		}
		now = bpf_ktime_get_ns();
		if (socket->pending_since == 0) {
			socket->pending_since = now;
			socket->segments = 0;
		}
		if (area->reader.kind != SP_READER_HTTP &&
		    (now - socket->pending_since > SP_PENDING_NS || socket->segments >= SP_WATCH_SEGMENTS))
			return SP_DROP;
		text = bpf_sk_storage_get(&texts, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!text)
			return SP_DROP;
		*text = area->text;
		socket->flags |= SP_SOCKET_CUT;
	}
	socket->next = p->sequence + (p->end - p->payload);
	socket->reader = area->reader;
	socket->segments++;
	if (over || (area->reader.kind != SP_READER_HTTP && socket->segments > SP_WATCH_SEGMENTS))
		socket->flags &= ~SP_SOCKET_READING;
	return SP_PASS;
}

/* Reads the next bytes of a socket that may still send a name. */
static __always_inline int sp_read_on(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	int result = sp_begin_reading(skb, area, p);

	if (result == SP_READING_AGAIN)
		return sp_read_again(skb, area, p);
	if (result != SP_READING_ON)
		return result == SP_READING_PASS ? SP_PASS : SP_DROP;
	for (int i = 0; i < SP_MESSAGES_MAX; i++) {
		result = sp_read_stream(skb, area);
		/* A possible SSL 2 ClientHello has no name, so none of it passes where a name is required. */
		if (result == SP_READ_MORE && area->reader.kind == SP_READER_SSL2 && sp_end_other(skb, area) == SP_DROP)
			return SP_DROP;
		if (result == SP_READ_MORE || result == SP_READ_OVER)
			break;
		/* urgent data is not part of the stream that the server reads */
		if (result == SP_READ_HELLO && p->tcp_flags & SP_TCP_URG)
			area->hello = SP_HELLO_BROKEN;
		if (result == SP_READ_HELLO && sp_end_hello(skb, area) == SP_DROP)
			return SP_DROP;
		if (result == SP_READ_OTHER && sp_end_other(skb, area) == SP_DROP)
			return SP_DROP;
		if (result == SP_READ_REQUEST && sp_end_request(skb, area) == SP_DROP)
			return SP_DROP;
	}
	if (result != SP_READ_MORE && result != SP_READ_OVER)
		area->hello = SP_HELLO_BROKEN; /* more messages than any client sends in a packet */
	else if (sp_keep_reading(skb, area, p, result == SP_READ_OVER) == SP_PASS)
		return SP_PASS;
	area->text.name_length = 0;
	return sp_verdict_bit(sp_end_hello(skb, area));
}

#endif
