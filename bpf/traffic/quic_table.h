/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* QUIC connections in a map, with a lock for each bucket. User space uses native/parsers/quic_stand_in.h instead. */
#ifndef SALLYPORT_TRAFFIC_QUIC_TABLE_H
#define SALLYPORT_TRAFFIC_QUIC_TABLE_H

#include "quic_types.h"
#include "traffic.h"

#define SP_QUIC_SPINS 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_QUIC_CONNECTIONS);
	__type(key, __u32);
	__type(value, struct sp_quic_connection);
} quics SEC(".maps");

/* One for each scratch area, by the same slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct sp_quic_reading);
} quic_readings SEC(".maps");

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

static long sp_quic_lock_step(__u32 i, void *state)
{
	struct sp_quic_connection *first = *(struct sp_quic_connection **)state;

	(void)i;
	return __sync_val_compare_and_swap(&first->lock, 0, 1) == 0;
}

/* Returns false if another CPU holds the lock for longer than reading takes. */
static __always_inline bool sp_quic_lock(__u32 bucket)
{
	struct sp_quic_connection *first = sp_quic_way(bucket, 0);

	return first && bpf_loop(SP_QUIC_SPINS, sp_quic_lock_step, &first, 0) < SP_QUIC_SPINS;
}

static __always_inline void sp_quic_unlock(__u32 bucket)
{
	struct sp_quic_connection *first = sp_quic_way(bucket, 0);

	if (first)
		sp_atomic_clear(&first->lock);
}

/* Evicts a connection. Its flow is marked if pieces of a ClientHello have passed that is not complete, and if it sent
 * 0-RTT data: the server may hold that data until it gets the rest of another one. */
static __always_inline void sp_quic_evict(struct sp_quic_connection *c)
{
	struct sp_flow *flow;

	if (c->state != SP_QUIC_HALF && (c->state == SP_QUIC_FREE || !c->early))
		return;
	flow = bpf_map_lookup_elem(&flows, &c->flow);
	if (flow)
		flow->flags |= SP_FLOW_EVICTED;
}

const __u8 sp_quic_nothing[SP_QUIC_STREAM_MAX / 8];

/* Marks all bytes of the stream as unknown. */
static __always_inline void sp_quic_forget_known(struct sp_quic_stream *s)
{
	bpf_probe_read_kernel(s->known, sizeof(s->known), sp_quic_nothing);
}

#endif
