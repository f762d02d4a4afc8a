/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reads the QUIC packets of an skb until there is something to judge. */
#ifndef SALLYPORT_TRAFFIC_QUIC_READING_H
#define SALLYPORT_TRAFFIC_QUIC_READING_H

#include "quic_connection.h"

struct sp_quic_walk {
	struct __sk_buff *skb;
	struct sp_scratch *area;
	struct sp_quic_reading *r;
};

/* Reads the next ClientHello of the current connection. */
static __always_inline enum sp_quic_step sp_quic_step_hello(struct sp_quic_walk *k)
{
	struct sp_quic_reading *r = k->r;
	struct sp_quic_connection *c = sp_quic_way(r->bucket, r->way - 1);
	__u8 before;

	if (!c)
		return SP_STEP_BROKEN;
	before = c->state;
	switch (sp_quic_next_hello(&c->stream, &k->area->text, &k->area->hello)) {
	case SP_QUIC_HELLO:
		return SP_STEP_HELLO;
	case SP_QUIC_CUT:
		r->way = 0;
		c->state = SP_QUIC_HALF;
		return before == SP_QUIC_HALF ? SP_STEP_ON : SP_STEP_HALF;
	case SP_QUIC_READ:
		r->way = 0;
		c->state = SP_QUIC_WHOLE;
		return before == SP_QUIC_HALF ? SP_STEP_WHOLE : SP_STEP_ON;
	default:
		r->way = 0;
		return SP_STEP_BROKEN;
	}
}

static __always_inline enum sp_quic_step sp_quic_step_initial(struct sp_quic_reading *r)
{
	struct sp_quic_connection *c;
	int way = sp_quic_find(r);

	if (way == SP_FOUND_NONE) {
		if (r->work.raw[0] & SP_QUIC_FIXED)
			return SP_STEP_STRANGE;
		/* RFC 9287 lets a client clear the bit; otherwise it is most likely not QUIC */
		r->seen |= SP_SEEN_OTHER;
		return SP_STEP_ON;
	}
	r->seen |= SP_SEEN_INITIAL;
	if (way == SP_FOUND_OWN)
		way = sp_quic_begin_connection(r);
	c = sp_quic_way(r->bucket, way);
	if (!c || sp_quic_decrypt(&r->work, &c->keys))
		return SP_STEP_BROKEN;
	r->way = 1 + (way & (SP_QUIC_WAYS - 1));
	sp_quic_frames(&r->work, &c->stream); /* notes malformed frames in the stream */
	return SP_STEP_ON;
}

/* Reads the next packet of the datagram. */
static __always_inline enum sp_quic_step sp_quic_step_packet(struct sp_quic_walk *k)
{
	struct sp_quic_reading *r = k->r;
	struct sp_quic_work *w = &r->work;
	__u32 rest = r->end - r->at, length = rest < SP_QUIC_PACKET_MAX ? rest : SP_QUIC_PACKET_MAX;
	__u8 fixed;

	w->rest = rest;
	w->length = length;
	if (length == 0 || bpf_skb_load_bytes(k->skb, r->at, w->packet, sp_bounded(length, SP_QUIC_PACKET_MAX)))
		return SP_STEP_END;
	fixed = w->packet[0] & SP_QUIC_FIXED;
	switch (sp_quic_header(w)) {
	case SP_QUIC_INITIAL:
		r->at += w->packet_end;
		return sp_quic_step_initial(r);
	case SP_QUIC_EARLY:
		r->at += w->packet_end;
		r->seen |= SP_SEEN_EARLY;
		return SP_STEP_ON;
	case SP_QUIC_HANDSHAKE:
		r->at += w->packet_end;
		r->seen |= SP_SEEN_OTHER;
		return SP_STEP_ON;
	case SP_QUIC_UNKNOWN:
		r->at = r->end;
		if (fixed && rest >= SP_QUIC_UNKNOWN_MIN)
			return SP_STEP_UNREAD;
		r->seen |= SP_SEEN_OTHER;
		return SP_STEP_ON;
	case SP_QUIC_BROKEN:
		r->at = r->end;
		if (fixed)
			return SP_STEP_STRANGE;
		r->seen |= SP_SEEN_OTHER;
		return SP_STEP_ON;
	default: /* a short header, a Retry (which no client sends), or not QUIC: to the end of the datagram */
		r->at = r->end;
		r->seen |= SP_SEEN_OTHER;
		return SP_STEP_ON;
	}
}

static long sp_quic_step(__u32 i, void *state)
{
	struct sp_quic_walk *k = state;
	struct sp_quic_reading *r = k->r;

	(void)i;
	if (r->way) {
		r->step = sp_quic_step_hello(k);
	} else if (r->at >= r->end) {
		r->step = r->end >= r->total ? SP_STEP_END : SP_STEP_ON;
		r->at = r->end;
		r->end = r->end + r->segment < r->total ? r->end + r->segment : r->total;
	} else {
		r->step = sp_quic_step_packet(k);
	}
	return r->step != SP_STEP_ON;
}

/* Reads on until the reading's `step` is something to judge, or SP_STEP_END. */
__noinline int sp_quic_read_on(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_quic_walk walk = {.skb = skb, .area = area};

	if (!area)
		return 0;
	walk.r = sp_quic_reading_of(area);
	if (!walk.r)
		return 0;
	if (walk.r->late) {
		walk.r->late = 0;
		walk.r->step = SP_STEP_LATE;
		return 0;
	}
	bpf_loop(SP_QUIC_PACKETS_MAX * 2, sp_quic_step, &walk, 0);
	if (walk.r->step == SP_STEP_ON)
		walk.r->step = SP_STEP_BROKEN;
	return 0;
}

#endif
