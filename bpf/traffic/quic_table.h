/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Where QUIC's connections are kept, and the packet at hand: maps in the kernel, in user space an array of the same shape. */
#ifndef SALLYPORT_TRAFFIC_QUIC_TABLE_H
#define SALLYPORT_TRAFFIC_QUIC_TABLE_H

#include "../parse/quic_hello.h"
#include "../wire/state.h"

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

/* Where in an skb the reader is, and the packet at hand. */
struct sp_quic_reading {
	struct sp_flow_key flow;
	__u32 bucket;
	__u32 at, end, total; /* offsets: next byte, end of the datagram, end of all datagrams (GSO) */
	__u32 segment; /* GSO: bytes of a datagram */
	__u32 way; /* 1 + the connection whose hello is to be read next; 0: none */
	__u32 step; /* enum sp_quic_step */
	__u32 seen; /* enum sp_quic_seen */
	__u32 late; /* a hello has been half read for too long */
	struct sp_quic_keys other; /* a known connection's, for another version */
	struct sp_quic_work work;
};

#ifdef __bpf__
#include "traffic.h"

#define SP_QUIC_SPINS 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SP_QUIC_BUCKETS * SP_QUIC_WAYS);
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

/* Its flow is told if its end opens a way around: 0-RTT data wait at the server for a hello of which pieces may already be there. */
static __always_inline void sp_quic_evict(struct sp_quic_connection *c)
{
	struct sp_flow *flow;

	if (c->state == SP_QUIC_FREE || !c->early)
		return;
	flow = bpf_map_lookup_elem(&flows, &c->flow);
	if (flow)
		flow->flags |= SP_FLOW_EVICTED;
}

const __u8 sp_quic_nothing[SP_QUIC_STREAM_MAX / 8];

/* Forget which of the stream's bytes are known. */
static __always_inline void sp_quic_forget_known(struct sp_quic_stream *s)
{
	bpf_probe_read_kernel(s->known, sizeof(s->known), sp_quic_nothing);
}

#else

/* A datagram: what the kernel's program reads a packet by. */
struct __sk_buff {
	struct sp_bytes bytes;
};

static inline int bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 at, void *to, __u32 count)
{
	return sp_read(&skb->bytes, at, to, count);
}

/* What the reader needs of the programs' scratch area. */
struct sp_scratch {
	struct sp_text text;
	enum sp_hello_result hello;
	struct sp_quic_reading reading;
};

/* Of this thread: nobody waits for a lock. */
static _Thread_local struct sp_quic_connection sp_quics[SP_QUIC_BUCKETS * SP_QUIC_WAYS];
static _Thread_local __u64 sp_quic_clock;

static inline struct sp_quic_reading *sp_quic_reading_of(struct sp_scratch *area)
{
	return &area->reading;
}

static inline struct sp_quic_connection *sp_quic_way(__u32 bucket, __u32 way)
{
	return &sp_quics[bucket % SP_QUIC_BUCKETS * SP_QUIC_WAYS + way % SP_QUIC_WAYS];
}

static inline bool sp_quic_lock(__u32 bucket)
{
	(void)bucket;
	return true;
}

static inline void sp_quic_unlock(__u32 bucket)
{
	(void)bucket;
}

static inline void sp_quic_evict(struct sp_quic_connection *c)
{
	(void)c;
}

static inline void sp_quic_forget_known(struct sp_quic_stream *s)
{
	memset(s->known, 0, sizeof(s->known));
}

/* Only which connection is older counts. */
static inline __u64 bpf_ktime_get_ns(void)
{
	return sp_quic_clock += 2;
}
#endif

#endif
