/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A stored QUIC connection, and the state of reading a packet. Plain data. */
#ifndef SALLYPORT_TRAFFIC_QUIC_TYPES_H
#define SALLYPORT_TRAFFIC_QUIC_TYPES_H

#include "../parse/quic_hello.h"
#include "../wire/state.h"

enum sp_quic_state { SP_QUIC_FREE = 0, SP_QUIC_HALF = 1, SP_QUIC_WHOLE = 2 };

#define SP_QUIC_BUCKETS 32
#define SP_QUIC_WAYS 8
#define SP_QUIC_CONNECTIONS (SP_QUIC_BUCKETS * SP_QUIC_WAYS)

/* A client's connection: its keys, and the content of its Initial packets, with which later ones are compared. */
struct sp_quic_connection {
	__u32 lock; /* of the bucket; only in its first connection */
	__u8 state, early, reserved[2]; /* enum sp_quic_state; early: has sent 0-RTT data */
	__u64 since; /* CLOCK_MONOTONIC [ns] of its first packet */
	struct sp_flow_key flow;
	struct sp_quic_id id;
	struct sp_quic_keys keys;
	struct sp_quic_stream stream;
};

/* Position in an skb, and the current packet. */
struct sp_quic_reading {
	struct sp_flow_key flow;
	__u32 bucket;
	__u32 at, end, total; /* offsets: next byte, end of the datagram, end of all datagrams (GSO) */
	__u32 segment; /* GSO: size of a datagram [bytes] */
	__u32 way; /* 1 + the connection whose ClientHello is read next; 0: none */
	__u32 step; /* enum sp_quic_step */
	__u32 seen; /* enum sp_quic_seen */
	__u32 late; /* a ClientHello has been incomplete for too long */
	struct sp_quic_keys other; /* of a known connection, for another version */
	struct sp_quic_work work;
};

#endif
