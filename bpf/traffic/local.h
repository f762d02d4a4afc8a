/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Packets within this host. A program can give a source address that is not the host's to a packet on the loopback, so
 * such a packet proves nothing about that address on a network. */
#ifndef SALLYPORT_TRAFFIC_LOCAL_H
#define SALLYPORT_TRAFFIC_LOCAL_H

#include "traffic.h"

/* Ingress: true if a socket of this host sent the packet. */
static __always_inline bool sp_was_sent_here(struct __sk_buff *skb)
{
	return skb->ifindex == LOOPBACK_IFINDEX || skb->pkt_type == PACKET_LOOPBACK;
}

/* Egress: true if the packet does not leave this host. */
static __always_inline bool sp_stays_here(struct __sk_buff *skb)
{
	return skb->ifindex == LOOPBACK_IFINDEX;
}

/* Egress: true if the packet is a response in a flow that the peer began. If it began on the loopback, so must the
 * response. */
static __always_inline bool sp_is_response(struct __sk_buff *skb, const struct sp_flow *flow)
{
	return flow->flags & SP_FLOW_INBOUND && (!(flow->flags & SP_FLOW_LOCAL) || sp_stays_here(skb));
}

static __always_inline __u32 sp_question_flags(struct __sk_buff *skb, bool trusted)
{
	return (trusted ? SP_QUESTION_TRUSTED : 0) | (sp_stays_here(skb) ? SP_QUESTION_LOCAL : 0);
}

/* Ingress: true if the packet came the way that the question went. */
static __always_inline bool sp_came_back(struct __sk_buff *skb, const struct sp_question *question)
{
	return sp_was_sent_here(skb) == !!(question->flags & SP_QUESTION_LOCAL);
}

#endif
