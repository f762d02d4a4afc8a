/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* parse.h for QUIC: one datagram, returned step by step. State of earlier datagrams is in the connection table, not in
 * the request: it takes 9 KiB for each connection. */
#ifndef SALLYPORT_TRAFFIC_PARSE_QUIC_H
#define SALLYPORT_TRAFFIC_PARSE_QUIC_H

#include "quic_reading.h"

static __always_inline void sp_parse_quic_forget(const struct sp_quic_reading *q)
{
	struct sp_quic_connection *c;

	for (__u32 i = 0; i < SP_QUIC_WAYS; i++) {
		c = sp_quic_way(q->bucket, i);
		if (c && sp_quic_is_of(c, &q->flow))
			c->state = SP_QUIC_FREE;
	}
}

static __always_inline void sp_parse_quic_begin(const struct sp_parse_request *r, struct sp_quic_reading *q,
						__u32 offset)
{
	__builtin_memset(&q->flow, 0, sizeof(q->flow));
	q->flow.cookie = r->quic.cookie;
	q->bucket = sp_quic_bucket(&q->flow);
	q->at = offset + r->at;
	q->end = q->total = offset + r->end;
	q->segment = r->end - r->at;
	q->way = r->quic.way;
	q->seen = r->quic.seen;
	q->late = 0;
	q->work.version = r->quic.version;
}

/* Answers the request, whose datagram begins at `offset` of the packet. `area` is working memory, distinct from the
 * area of the request. Call it until SP_STEP_END. Global: verified once. Its call chain is no deeper than that of
 * egress, because reading needs the whole stack. */
__noinline int sp_parse_quic(struct __sk_buff *skb, struct sp_scratch *area, struct sp_parse_request *r, __u32 offset)
{
	struct sp_quic_reading *q;

	if (!area || !r)
		return -1;
	q = sp_quic_reading_of(area);
	if (!q)
		return -1;
	sp_parse_quic_begin(r, q, offset);
	if (!sp_quic_lock(q->bucket))
		return -1;
	if (r->quic.is_new)
		sp_parse_quic_forget(q);
	area->text = r->text;
	area->hello = SP_HELLO_CUT;
	sp_quic_read_on(skb, area);
	sp_quic_unlock(q->bucket);
	r->text = area->text;
	r->hello = area->hello;
	r->result = q->step;
	r->at = q->at - offset;
	r->quic.way = q->way;
	r->quic.seen = q->seen;
	r->quic.version = q->work.version;
	r->quic.is_new = 0;
	return 0;
}

#endif
