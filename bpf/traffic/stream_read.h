/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reads a TCP stream at egress, by sequence numbers. Incomplete messages are kept with the socket, complete ones are
 * judged. */
#ifndef SALLYPORT_TRAFFIC_STREAM_READ_H
#define SALLYPORT_TRAFFIC_STREAM_READ_H

#include "hello_verdict.h"
#include "http_answer.h"
#include "http_doubt.h"
#include "stream_begin.h"
#include "stream_socket.h"

#define SP_PENDING_NS (10 * SP_NS_PER_S) /* a ClientHello that takes longer is judged as it is [ns] */
/* segments with payload in which a ClientHello must end, and must begin if no name can be denied */
#define SP_WATCH_SEGMENTS 1024
#define SP_WATCH_AFTER 3 /* segments */
#define SP_MESSAGES_MAX 128 /* in one transmission of a packet */

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

	if (!area)
		return SP_READ_OVER;
	sp_open_reading(&reading, skb, area);
	return sp_read_http(&reading);
}

__noinline int sp_search_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_reading reading = {};

	if (!area)
		return 0;
	sp_open_reading(&reading, skb, area);
	sp_search_read(&reading);
	return 0;
}

/* Reads the next bytes of the packet from area->cursor.at. Returns enum sp_read_result. Global functions, each verified
 * once. */
static __always_inline int sp_read_stream(struct __sk_buff *skb, struct sp_scratch *area)
{
	int result;

	area->cursor.searched = sp_begin_read(&area->reader, &area->cursor);
	result = area->reader.kind == SP_READER_HTTP ? sp_read_stream_http(skb, area)
						     : sp_read_stream_not_http(skb, area);
	if (area->cursor.searched)
		sp_search_stream(skb, area);
	return result;
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
	sp_judge_hello(area, socket->epoch, socket->flags & SP_SOCKET_MUST_BE_NAMED);
	if (area->hello != SP_HELLO_UNREAD) {
		sp_await_peer(sk, socket);
		area->reader.peer = SP_PEER_UNKNOWN;
	}
	socket->flags |= SP_SOCKET_NAMED;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	socket->pending_since = 0;
	socket->name_hash = s->name_hash;
	socket->epoch = s->epoch;
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
	sp_judge_http(area, socket->flags & SP_SOCKET_MUST_BE_NAMED);
	if (socket->flags & SP_SOCKET_MUST_BE_NAMED)
		socket->flags |= SP_SOCKET_REQUESTED;
	sp_forget_text(sk, socket);
	if (area->subject.action == SP_DENY)
		return sp_verdict_bit(sp_deny_stream(skb, socket, &area->subject));
	if (socket->peer == SP_PEER_UNKNOWN && !socket->awaits)
		sp_await_peer(sk, socket);
	socket->flags |= SP_SOCKET_ASKED;
	sp_await_answer(sk, &area->text);
	return SP_PASS;
}

/* Judges a stream that is neither TLS nor HTTP. In a tunnel that a request opened anything may follow, but nothing that
 * `was_http`: a server may take it for another request. */
__noinline int sp_end_other(struct __sk_buff *skb, struct sp_scratch *area, bool was_http)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;
	struct sp_subject *s;

	socket = sp_socket_of(skb, &sk);
	if (!area || !socket)
		return SP_DROP;
	if (!(socket->flags & SP_SOCKET_MUST_BE_NAMED) || (!was_http && socket->flags & SP_SOCKET_REQUESTED))
		return SP_PASS;
	s = &area->subject;
	s->phase = SP_PHASE_CONNECT;
	socket->flags &= ~SP_SOCKET_MUST_BE_NAMED;
	sp_deny_connect(s, SP_NOT_TLS);
	return sp_verdict_bit(sp_deny_stream(skb, socket, s));
}

/* Prepares for judging what cannot be read, once for a socket. Returns true if it must be. */
__noinline int sp_begin_unread(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct bpf_sock *sk;
	struct sp_socket *socket;

	socket = sp_socket_of(skb, &sk);
	if (!area || !socket || socket->flags & SP_SOCKET_UNREAD)
		return false;
	socket->flags |= SP_SOCKET_UNREAD;
	area->read_hello = area->hello;
	area->read_length = area->text.name_length;
	area->hello = SP_HELLO_UNREAD;
	area->text.name_length = 0;
	return true;
}

/* Judges it, and restores the message that was being read. */
static __always_inline int sp_end_unread(struct __sk_buff *skb, struct sp_scratch *area)
{
	if (!sp_begin_unread(skb, area))
		return SP_PASS;
	if (sp_end_hello(skb, area) == SP_DROP)
		return SP_DROP;
	area->subject.flags &= ~SP_JUDGE_UNREAD;
	area->hello = area->read_hello;
	area->text.name_length = area->read_length;
	return SP_PASS;
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
	if (area->is_doubtful && area->reader.kind != SP_READER_TLS && area->reader.kind != SP_READER_SSL2)
		return SP_DROP;
	if (pending && area->reader.kind == SP_READER_HTTP && p->tcp_flags & SP_TCP_FIN)
		return SP_DROP; /* Python's http.server takes the end of the stream for the end of the head */
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
		if (sp_reader_has_begun_hello(&area->reader) &&
		    (now - socket->pending_since > SP_PENDING_NS || socket->segments >= SP_WATCH_SEGMENTS))
			return SP_DROP;
		text = bpf_sk_storage_get(&texts, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!text)
			return SP_DROP;
		*text = area->text;
		socket->flags |= SP_SOCKET_CUT;
	}
	socket->next = p->sequence + (area->cursor.at - p->payload);
	socket->reader = area->reader;
	socket->segments++;
	if (area->reader.is_watched && socket->segments > SP_WATCH_AFTER && !(socket->flags & SP_SOCKET_WATCH_KNOWN))
		sp_watch(area, socket);
	if (over ||
	    (area->reader.kind != SP_READER_HTTP && !area->reader.is_watched && socket->segments > SP_WATCH_SEGMENTS))
		socket->flags &= ~SP_SOCKET_READING;
	return SP_PASS;
}

/* Reads the next bytes of a socket that may still send a name. */
static __always_inline int sp_read_on(struct __sk_buff *skb, struct sp_scratch *area, struct sp_packet *p)
{
	int result = sp_begin_reading(skb, area, p);

	if (result != SP_READING_ON)
		return result == SP_READING_PASS ? SP_PASS : SP_DROP;
	for (int i = 0; i < SP_MESSAGES_MAX; i++) {
		bool was_http = area->reader.kind == SP_READER_HTTP;

		result = area->read = sp_read_stream(skb, area);
		/* A possible SSL 2 ClientHello has no name, so none of it passes where a name is required. */
		if (result == SP_READ_MORE && area->reader.kind == SP_READER_SSL2 &&
		    sp_end_other(skb, area, false) == SP_DROP)
			return SP_DROP;
		if (area->reader.hides_hello && sp_end_unread(skb, area) == SP_DROP)
			return SP_DROP;
		area->reader.hides_hello = 0;
		if (result == SP_READ_MORE || result == SP_READ_OVER)
			break;
		if (result == SP_READ_HELLO && sp_end_hello(skb, area) == SP_DROP)
			return SP_DROP;
		if ((result == SP_READ_OTHER || result == SP_READ_AGAIN) && area->reader.kind == SP_READER_CLEARTEXT &&
		    sp_end_other(skb, area, was_http) == SP_DROP)
			return SP_DROP;
		if (result == SP_READ_REQUEST) {
			if (sp_may_change(skb, p))
				area->text.flags |= SP_REQUEST_BROKEN;
			area->is_doubtful = 0;
			if (sp_end_request(skb, area) == SP_DROP)
				return SP_DROP;
		}
	}
	if (sp_keep_reading(skb, area, p, area->read == SP_READ_OVER) == SP_PASS)
		return area->read == SP_READ_OVER || area->read == SP_READ_MORE
			       ? SP_PASS
			       : sp_drop(skb); /* TCP sends the rest again */
	area->text.name_length = 0;
	if (!area->is_doubtful && area->reader.kind != SP_READER_HTTP)
		return sp_verdict_bit(sp_end_hello(skb, area));
	area->text.flags = SP_REQUEST_BROKEN;
	if (sp_end_request(skb, area) == SP_DROP)
		return SP_DROP;
	area->is_doubtful = 0;
	sp_reader_becomes_cleartext(&area->reader);
	return sp_verdict_bit(sp_keep_reading(skb, area, p, area->read == SP_READ_OVER));
}

#endif
