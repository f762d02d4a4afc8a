/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* MPTCP (RFC 8684): a connection that is joined by another subflow sends parts of its stream by each. */
#ifndef SALLYPORT_TRAFFIC_MPTCP_JOIN_H
#define SALLYPORT_TRAFFIC_MPTCP_JOIN_H

#include "traffic.h"

#define SP_OPTION_MPTCP 30
#define SP_MPTCP_JOIN 1 /* subtype */
#define SP_TCP_OPTIONS_MAX 40 /* bytes, and therefore options */
#define SP_TCP_HEAD_MAX 64 /* over the largest header of 60 bytes; a power of two */

/* True if the packet is a SYN with MP_JOIN. `at`: offset of its TCP header. */
__noinline int sp_is_join(struct __sk_buff *skb, __u32 at)
{
	__u32 option = SP_TCP_HEAD, end;
	__u8 head[SP_TCP_HEAD], field[3];

	if (bpf_skb_load_bytes(skb, at, head, sizeof(head)) || !(head[13] & SP_TCP_SYN))
		return 0;
	end = (head[12] >> 4) * 4;
	for (int i = 0; i < SP_TCP_OPTIONS_MAX; i++) {
		if (option >= end || bpf_skb_load_bytes(skb, at + option, field, 1) || field[0] == SP_OPTION_END)
			return 0;
		if (field[0] == SP_OPTION_NOP) {
			option = (option + 1) % SP_TCP_HEAD_MAX;
			continue;
		}
		if (bpf_skb_load_bytes(skb, at + option, field, sizeof(field)) || field[1] < 2)
			return 0;
		if (field[0] == SP_OPTION_MPTCP && field[2] >> 4 == SP_MPTCP_JOIN)
			return 1;
		option = (option + field[1]) % SP_TCP_HEAD_MAX;
	}
	return 0;
}

/* Denies a subflow whose stream would have to be read. The program goes on with the first one. */
__noinline int sp_judge_join(struct __sk_buff *skb, struct sp_subject *s)
{
	if (!s)
		return SP_DROP;
	sp_deny_connect(s, SP_UNREAD);
	return sp_verdict_of(s) == SP_DENY ? sp_drop(skb) : SP_PASS;
}

#endif
