/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The key of a flow in the map `flows`, and its egress counters. */
#ifndef SALLYPORT_TRAFFIC_FLOW_KEY_H
#define SALLYPORT_TRAFFIC_FLOW_KEY_H

#include "../kernel/packet.h"
#include "../kernel/report.h"

static __always_inline void sp_flow_key_of(struct sp_flow_key *key, __u64 cookie, const __u64 *remote, __u16 port,
					   __u8 protocol)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = cookie;
	__builtin_memcpy(key->remote, remote, 16);
	key->remote_port = port;
	key->protocol = protocol;
}

static __always_inline void sp_flow_out(struct sp_flow *flow, const struct sp_packet *p)
{
	flow->last = bpf_ktime_get_ns();
	flow->local_port = p->source_port;
	__sync_fetch_and_add(&flow->packets_out, 1);
	__sync_fetch_and_add(&flow->bytes_out, p->end - p->payload);
	if (p->protocol == IPPROTO_UDP)
		sp_count_by(SP_COUNT_UDP_BYTES_OUT, p->end - p->payload);
}

#endif
