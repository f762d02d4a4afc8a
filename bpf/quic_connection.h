/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The QUIC connections of flows: whose packet is this, and what has its client said so far? A flow's connections share a bucket. */
#ifndef SALLYPORT_QUIC_CONNECTION_H
#define SALLYPORT_QUIC_CONNECTION_H

#include "quic_hello.h"
#include "traffic.h"

#define SP_QUIC_SPINS 4096
#define SP_QUIC_PACKETS_MAX 256 /* of one skb: GSO has 64 datagrams and more */
#define SP_QUIC_UNKNOWN_MIN 1200 /* RFC 9000 14.1: a client's first datagram has as many bytes */

enum sp_quic_state { SP_QUIC_FREE = 0, SP_QUIC_HALF = 1, SP_QUIC_WHOLE = 2 };

#define SP_QUIC_BUCKETS 32
#define SP_QUIC_WAYS 8

/* A client's connection: its keys, and what its Initial packets said, to be held against later ones. */
struct sp_quic_connection {
	__u32 lock; /* of the bucket, in its first connection only */
	__u8 state, early, reserved[2]; /* enum sp_quic_state; 0-RTT data were sent since */
	__u64 since; /* CLOCK_MONOTONIC ns: of its first packet */
	struct sp_flow_key flow;
	struct sp_quic_id id;
	struct sp_quic_keys keys;
	struct sp_quic_stream stream;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_QUIC_BUCKETS * SP_QUIC_WAYS);
	__type(key, __u32);
	__type(value, struct sp_quic_connection);
} quics SEC(".maps");

/* Where in an skb the reader is, and the packet at hand. One for each scratch area, by the same slot. */
struct sp_quic_reading {
	struct sp_flow_key flow;
	__u32 bucket;
	__u32 at, end, total; /* offsets: next byte, end of the datagram, end of all datagrams (GSO) */
	__u32 segment; /* GSO: bytes of a datagram */
	__u32 way; /* 1 + the connection whose hello is to be read next; 0: none */
	__u32 step;
	__u32 seen; /* enum sp_quic_seen */
	__u32 late; /* a hello has been half read for too long */
	struct sp_quic_keys other; /* a known connection's, for another version */
	struct sp_quic_work work;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct sp_quic_reading);
} quic_readings SEC(".maps");

enum sp_quic_seen { SP_SEEN_EARLY = 1, SP_SEEN_OTHER = 2 /* what only an allowed connection may send */, SP_SEEN_INITIAL = 4 };

enum sp_quic_step {
	SP_STEP_ON,
	SP_STEP_END, /* of the skb */
	SP_STEP_HELLO, /* area->text, area->hello */
	SP_STEP_LATE, /* one that was half read has been so for too long */
	SP_STEP_HALF, /* a new connection's hello is not whole */
	SP_STEP_WHOLE, /* one that was half read is whole */
	SP_STEP_UNREAD, /* a version that cannot be read */
	SP_STEP_STRANGE, /* not made with the keys of any connection */
	SP_STEP_BROKEN, /* a connection contradicts itself */
};

enum sp_quic_found { SP_FOUND_OWN = SP_QUIC_WAYS, SP_FOUND_NONE = -1 };

static __always_inline struct sp_quic_reading *sp_quic_reading_of(const struct sp_scratch *area)
{
	__u32 slot = area->busy - 1;

	return bpf_map_lookup_elem(&quic_readings, &slot);
}

static __always_inline struct sp_quic_connection *sp_quic_way(__u32 bucket, __u32 way)
{
	__u32 index = bucket % SP_QUIC_BUCKETS * SP_QUIC_WAYS + way % SP_QUIC_WAYS;

	return bpf_map_lookup_elem(&quics, &index);
}

static __always_inline __u32 sp_quic_bucket(const struct sp_flow_key *key)
{
	__u64 mixed = (key->cookie ^ key->remote_port) * 0x9e3779b97f4a7c15ULL ^ *(const __u64 *)(key->remote + 8);

	return mixed * 0x9e3779b97f4a7c15ULL >> 59;
}

static long sp_quic_lock_step(__u32 i, void *state)
{
	struct sp_quic_connection *first = *(struct sp_quic_connection **)state;

	(void)i;
	return __sync_val_compare_and_swap(&first->lock, 0, 1) == 0;
}

/* False if another CPU held on to it for longer than reading takes. */
static __always_inline bool sp_quic_lock(__u32 bucket)
{
	struct sp_quic_connection *first = sp_quic_way(bucket, 0);

	return first && bpf_loop(SP_QUIC_SPINS, sp_quic_lock_step, &first, 0) < SP_QUIC_SPINS;
}

static __always_inline void sp_quic_unlock(__u32 bucket)
{
	struct sp_quic_connection *first = sp_quic_way(bucket, 0);

	if (first)
		__sync_fetch_and_and(&first->lock, 0);
}

static __always_inline bool sp_quic_is_of(const struct sp_quic_connection *c, const struct sp_flow_key *key)
{
	const __u64 *a = (const __u64 *)&c->flow, *b = (const __u64 *)key;

	return c->state != SP_QUIC_FREE && a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline bool sp_quic_is_id(const struct sp_quic_id *one, const struct sp_quic_id *two)
{
	const __u64 *a = (const __u64 *)one->bytes, *b = (const __u64 *)two->bytes;

	return one->length == two->length && a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Which connection of the flow made this Initial packet: its way, SP_FOUND_OWN for a new one with the packet's own id, or
 * SP_FOUND_NONE. AES-GCM does not commit to a key, so a packet can be made to fit two; which one the server would take is not known,
 * and nobody but an attacker does it: that is none. */
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
		} else { /* RFC 9368: the server chose another version, the id stays the first one */
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

/* A place for a new connection: a free one, or the oldest, and one that is half read last. */
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

/* Its flow is told if its end opens a way around: 0-RTT data wait at the server for a hello of which pieces may already be there. */
static __always_inline void sp_quic_evict(struct sp_quic_connection *c)
{
	struct sp_flow *flow;

	if (c->state == SP_QUIC_FREE || !c->early)
		return;
	flow = bpf_map_lookup_elem(&flows, &c->flow);
	if (flow)
		flow->flags |= SP_FLOW_FORGOTTEN;
}

const __u8 sp_quic_nothing[SP_QUIC_STREAM_MAX / 8];

/* Begin anew with the packet's own id. Returns its way. */
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
	bpf_probe_read_kernel(c->stream.known, sizeof(c->stream.known), sp_quic_nothing);
	return way;
}

#endif
