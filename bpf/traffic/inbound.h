/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which UDP flows the peer began. Their packets are responses and not judged. */
#ifndef SALLYPORT_TRAFFIC_INBOUND_H
#define SALLYPORT_TRAFFIC_INBOUND_H

#include "begun.h"
#include "local.h"

/* True if the peer may begin a flow to this socket: a server's, which was bound to its port. Unsolicited datagrams to a
 * client's ephemeral port do not permit egress. A socket that is older than the programs may have sent to the peer
 * before, which matters unless the peer is on this host, as for a stub resolver. A resolver's datagram is the answer to
 * a question. */
static __always_inline bool sp_can_be_begun(struct __sk_buff *skb, struct bpf_sock *sk, const struct sp_flow_key *key)
{
	struct sp_socket *socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct sock *kernel_sk = sp_untyped(sk);

	if (!(socket && socket->flags & SP_SOCKET_CREATED) && !sp_was_sent_here(skb))
		return false;
	if (!(BPF_CORE_READ_BITFIELD_PROBED(kernel_sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return false;
	if (key->remote_port == SP_DNS_PORT && sp_is_resolver((const __u64 *)key->remote))
		return false;
	return !sp_has_begun(sk, key);
}

/* Returns the source port of the datagram; 0: it cannot be read. */
__noinline int sp_ingress_udp(struct __sk_buff *skb)
{
	static const struct sp_flow outside = {.verdict = SP_ALLOW, .flags = SP_FLOW_INBOUND};
	static const struct sp_flow inside = {.verdict = SP_ALLOW, .flags = SP_FLOW_INBOUND | SP_FLOW_LOCAL};
	struct bpf_sock *sk = skb->sk;
	struct sp_flow *flow;
	struct sp_flow_key key;
	struct sp_packet p;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sp_read_packet(skb, &p) || p.protocol != IPPROTO_UDP)
		return 0;
	sp_flow_key_of(&key, bpf_get_socket_cookie(skb), p.source, p.source_port, p.protocol);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow) {
		if (!sp_can_be_begun(skb, sk, &key))
			return p.source_port;
		if (bpf_map_update_elem(&flows, &key, sp_was_sent_here(skb) ? &inside : &outside, BPF_NOEXIST))
			sp_count(SP_COUNT_MAP_FULL + SP_MAP_FLOWS);
		flow = bpf_map_lookup_elem(&flows, &key);
		if (!flow)
			return p.source_port;
		flow->first = bpf_ktime_get_ns();
		flow->local_port = p.destination_port;
	}
	flow->last = bpf_ktime_get_ns();
	__sync_fetch_and_add(&flow->packets_in, 1);
	__sync_fetch_and_add(&flow->bytes_in, p.end - p.payload);
	sp_count_by(SP_COUNT_UDP_BYTES_IN, p.end - p.payload);
	return p.source_port;
}

#endif
