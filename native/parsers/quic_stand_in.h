/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The user-space counterpart of bpf/traffic/quic_table.h: QUIC connections in a thread-local array instead of a map. */
#ifndef SALLYPORT_QUIC_STAND_IN_H
#define SALLYPORT_QUIC_STAND_IN_H

#include "stand_in.h"

#include "../../bpf/traffic/quic_types.h"

/* The part of the programs' scratch area that the reader uses. */
struct sp_scratch {
	struct sp_text text;
	enum sp_hello_result hello;
	struct sp_quic_reading reading;
};

static _Thread_local struct sp_quic_connection sp_quics[SP_QUIC_CONNECTIONS];
static _Thread_local __u64 sp_quic_clock;

static inline struct sp_quic_reading *sp_quic_reading_of(struct sp_scratch *area)
{
	return &area->reading;
}

static inline struct sp_quic_connection *sp_quic_way(__u32 bucket, __u32 way)
{
	return &sp_quics[bucket % SP_QUIC_BUCKETS * SP_QUIC_WAYS + way % SP_QUIC_WAYS];
}

/* A thread has its own array, so there is nothing to lock. */
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

/* Only the order of connections matters. sp_quic_victim() drops the lowest bit, hence steps of two. */
static inline __u64 bpf_ktime_get_ns(void)
{
	return sp_quic_clock += 2;
}

#endif
