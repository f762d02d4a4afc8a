/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The QUIC connections of a flow: finds the one that a packet belongs to. All connections of a flow share a bucket. */
#ifndef SALLYPORT_TRAFFIC_QUIC_CONNECTION_H
#define SALLYPORT_TRAFFIC_QUIC_CONNECTION_H

#ifdef __bpf__
#include "quic_table.h"
#elif !defined(SALLYPORT_QUIC_STAND_IN_H)
#error "User space includes native/parsers/quic_stand_in.h before the reader."
#endif
#include "quic_types.h"

#define SP_QUIC_PACKETS_MAX 256 /* of one skb: GSO allows 64 datagrams and more */
#define SP_QUIC_UNKNOWN_MIN 1200 /* RFC 9000 14.1: minimum size of a client's first datagram */

enum sp_quic_seen {
	SP_SEEN_EARLY = 1,
	SP_SEEN_OTHER = 2, /* only an allowed connection may send this */
	SP_SEEN_INITIAL = 4,
};

enum sp_quic_found { SP_FOUND_OWN = SP_QUIC_WAYS, SP_FOUND_NONE = -1 };

static __always_inline __u32 sp_quic_bucket(const struct sp_flow_key *key)
{
	__u64 mixed = (key->cookie ^ key->remote_port) * 0x9e3779b97f4a7c15ULL ^ *(const __u64 *)(key->remote + 8);

	return mixed * 0x9e3779b97f4a7c15ULL >> 59;
}

static __always_inline bool sp_quic_is_of(const struct sp_quic_connection *c, const struct sp_flow_key *key)
{
	const __u64 *a = (const __u64 *)&c->flow, *b = (const __u64 *)key;

	return c->state != SP_QUIC_FREE && a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline bool sp_quic_is_id(const struct sp_quic_id *one, const struct sp_quic_id *two)
{
	const __u8 *a = one->bytes, *b = two->bytes;

	return one->length == two->length && sp_load64(a) == sp_load64(b) && sp_load64(a + 8) == sp_load64(b + 8) &&
	       sp_load64(a + 16) == sp_load64(b + 16);
}

/* Returns the way of the flow's connection that made this Initial packet, SP_FOUND_OWN for a new connection with the
 * packet's own id, or SP_FOUND_NONE. AES-GCM does not commit to a key, so an attacker can make a packet that fits two.
 * The one that the server accepts is unknown, so that is SP_FOUND_NONE. */
__noinline int sp_quic_find(struct sp_quic_reading *r)
{
	struct sp_quic_connection *c;
	struct sp_quic_work *w;
	bool known = false;
	int found = SP_FOUND_NONE;

	if (!r)
		return SP_FOUND_NONE;
	w = &r->work;
	for (int i = 0; i < SP_QUIC_WAYS; i++) {
		c = sp_quic_way(r->bucket, i);
		if (!c || !sp_quic_is_of(c, &r->flow))
			continue;
		if (sp_quic_is_id(&c->id, &w->id))
			known = true;
		if (c->keys.version == w->version) {
			if (sp_quic_check(w, &c->keys))
				continue;
		} else { /* RFC 9368: the server chose another version, and the keys still derive from the first id */
			if (sp_quic_derive(&r->other, &w->hmac, &c->id, w->version) || sp_quic_check(w, &r->other))
				continue;
			c->keys = r->other;
		}
		if (found != SP_FOUND_NONE)
			return SP_FOUND_NONE;
		found = i;
	}
	if (known)
		return found;
	if (sp_quic_derive(&w->keys, &w->hmac, &w->id, w->version) || sp_quic_check(w, &w->keys))
		return found;
	return found == SP_FOUND_NONE ? SP_FOUND_OWN : SP_FOUND_NONE;
}

/* Returns the way for a new connection: a free one, else the oldest complete one, else the oldest incomplete one. */
static __always_inline __u32 sp_quic_victim(__u32 bucket)
{
	struct sp_quic_connection *c;
	__u64 best = ~0ULL, age;
	__u32 victim = 0;

	for (__u32 i = 0; i < SP_QUIC_WAYS; i++) {
		c = sp_quic_way(bucket, i);
		if (!c)
			continue;
		age = c->state == SP_QUIC_FREE ? 0 : c->since >> 1;
		if (c->state == SP_QUIC_HALF)
			age |= 1ULL << 63;
		if (age < best) {
			best = age;
			victim = i;
		}
	}
	return victim;
}

/* Starts a connection with the packet's own id. Returns its way in the bucket. */
__noinline int sp_quic_begin_connection(struct sp_quic_reading *r)
{
	struct sp_quic_connection *c;
	__u32 way;

	if (!r)
		return 0;
	way = sp_quic_victim(r->bucket);
	c = sp_quic_way(r->bucket, way);
	if (!c)
		return 0;
	sp_quic_evict(c);
	c->early = 0;
	c->state = SP_QUIC_FREE;
	c->since = bpf_ktime_get_ns();
	c->flow = r->flow;
	c->id = r->work.id;
	c->keys = r->work.keys;
	c->stream.contiguous = c->stream.message = c->stream.highest = c->stream.broken = 0;
	sp_quic_forget_known(&c->stream);
	return way;
}

#endif
