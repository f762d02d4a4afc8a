/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Bytes of a TCP packet that a server may read differently, so a request in them cannot be read. */
#ifndef SALLYPORT_TRAFFIC_HTTP_DOUBT_H
#define SALLYPORT_TRAFFIC_HTTP_DOUBT_H

#include "../kernel/packet.h"
#include "../parse/reader.h"

/* True if the packet has urgent data, which is not part of the stream that the server reads, or shared pages. */
static __always_inline bool sp_may_change(struct __sk_buff *skb, const struct sp_packet *p)
{
	return p->tcp_flags & SP_TCP_URG || sp_has_shared_frags(skb);
}

/* True if the next `count` bytes of the packet may change, and may hold a part of a request. Changes within a body do
 * not matter. Urgent data in it does, because it moves the end. */
static __always_inline bool sp_http_is_doubtful(struct __sk_buff *skb, const struct sp_packet *p,
						const struct sp_reader *r, __u32 count)
{
	bool in_body = r->http.state == SP_HTTP_BODY || r->http.state == SP_HTTP_CHUNK_DATA;

	if (r->kind != SP_READER_START && r->kind != SP_READER_HTTP)
		return false;
	if (r->kind == SP_READER_HTTP && in_body && r->http.left >= count && !(p->tcp_flags & SP_TCP_URG))
		return false;
	return sp_may_change(skb, p);
}

/* True if a FIN ends a request before its head is complete, and its release was not judged and allowed. */
static __always_inline bool sp_http_is_half(const struct sp_socket *socket, const struct sp_packet *p)
{
	return p->tcp_flags & SP_TCP_FIN && socket->reader.kind == SP_READER_HTTP &&
	       (socket->pending_since || socket->verdict == SP_DENY) && sp_http_is_pending(&socket->reader.http);
}

#endif
