/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which datagrams of a judged flow have to be read, because they may hold a ClientHello. */
#ifndef SALLYPORT_TRAFFIC_DATAGRAM_DUE_H
#define SALLYPORT_TRAFFIC_DATAGRAM_DUE_H

#include "../parse/dtls.h"
#include "flow_key.h"
#include "quic_connection.h"

enum sp_due {
	SP_DUE_QUIC = 1,
	SP_DUE_DTLS = 2,
	SP_DUE_UNREAD = 4, /* whatever it holds */
};

/* A QUIC long header of a known version, or of a new unknown one, or a DTLS record. Other protocols have such first
 * bytes too, but rarely a known version after them. Most datagrams need the first byte only. */
static __always_inline __u32 sp_datagram_kind(struct __sk_buff *skb, __u32 at, __u32 length, const struct sp_flow *flow)
{
	__u8 head[SP_DTLS_RECORD_HEAD];

	if (bpf_skb_load_bytes(skb, at, head, 1))
		return 0;
	if (head[0] & SP_QUIC_LONG) {
		if (bpf_skb_load_bytes(skb, at, head, 5))
			return 0;
		if (sp_quic_salt(sp_be32(head + 1)) >= 0)
			return SP_DUE_QUIC;
		return head[0] & SP_QUIC_FIXED && length >= SP_QUIC_UNKNOWN_MIN && !(flow->flags & SP_FLOW_UNREAD)
			       ? SP_DUE_QUIC
			       : 0;
	}
	if (head[0] < SP_DTLS_TYPE_FIRST || head[0] > SP_DTLS_TYPE_LAST ||
	    bpf_skb_load_bytes(skb, at, head, sizeof(head)))
		return 0;
	return sp_dtls_is_due(head, length) ? SP_DUE_DTLS : 0;
}

struct sp_segments {
	struct __sk_buff *skb;
	const struct sp_flow *flow;
	__u32 at, end, segment, due;
};

static long sp_segment_step(__u32 i, void *state)
{
	struct sp_segments *s = state;

	(void)i;
	if (s->at >= s->end)
		return 1;
	s->due |= sp_datagram_kind(s->skb, s->at, min(s->segment, s->end - s->at), s->flow);
	s->at += s->segment;
	return 0;
}

/* Returns a set of enum sp_due. */
__noinline int sp_datagram_due(struct __sk_buff *skb, const struct sp_packet *p, const struct sp_flow *flow)
{
	struct sp_segments s = {.skb = skb, .flow = flow, .segment = skb->gso_size};

	if (!p || !flow || flow->flags & SP_FLOW_INBOUND)
		return 0;
	if (!(flow->flags & SP_FLOW_UNREAD) && sp_datagram_may_change(skb))
		return SP_DUE_UNREAD;
	s.at = p->payload;
	s.end = p->end;
	if (!s.segment)
		s.due = sp_datagram_kind(skb, p->payload, p->end - p->payload, flow);
	else
		bpf_loop(SP_QUIC_PACKETS_MAX, sp_segment_step, &s, 0);
	if (s.segment && s.due & SP_DUE_DTLS) /* no client sends its handshake with segmentation offload (GSO) */
		s.due = flow->flags & SP_FLOW_UNREAD ? s.due & SP_DUE_QUIC : SP_DUE_UNREAD;
	if (flow->half_read || flow->flags & SP_FLOW_MUST_BE_NAMED)
		s.due |= SP_DUE_QUIC;
	return s.due;
}

#endif
