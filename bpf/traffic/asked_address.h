/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The destination that a program asked for, where NAT on this host has rewritten it before the egress hook. Docker's
 * resolver 127.0.0.11 and a service address of Kubernetes are such destinations. */
#ifndef SALLYPORT_TRAFFIC_ASKED_ADDRESS_H
#define SALLYPORT_TRAFFIC_ASKED_ADDRESS_H

#include "traffic.h"

/* One end of struct nf_conntrack_tuple (net/netfilter/nf_conntrack_tuple.h): an address, a port, and, depending on the
 * end, the family or the protocol. */
struct sp_ct_end {
	__u64 address[2]; /* network order; IPv4 in the first four bytes */
	__u16 port; /* network order */
	__u8 protocol, family; /* the source has the family (16 bits), the destination the protocol and the direction */
};

/* Offsets in struct nf_conn (net/netfilter/nf_conntrack.h), whose two tuples follow 16 bytes, each after 16 bytes of a
 * list node. They are the same since Linux 4.19. CO-RE cannot relocate them: where conntrack is a module, its types are
 * known only once it is loaded, which may be later than the programs. sp_is_translated() notices other offsets. */
#define SP_CT_ASKED 52 /* tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst */
#define SP_CT_REAL 88 /* tuplehash[IP_CT_DIR_REPLY].tuple.src */
#define SP_CT_INFO 7ULL /* bits of sk_buff::_nfct that are not of the pointer (linux/skbuff.h: NFCT_INFOMASK) */
#define SP_CT_REPLY 3 /* enum ip_conntrack_info: this and the greater ones are replies, or not tracked */
#define SP_CT_SIZE (16 + 2 + 2) /* of one end */

static __always_inline void sp_ct_address(const struct sp_ct_end *end, bool is_v4, __u64 *address)
{
	address[0] = is_v4 ? 0 : end->address[0];
	address[1] = is_v4 ? end->address[0] << 32 | bpf_htonl(0xffff) : end->address[1];
}

/* True if the packet goes where the tracked connection's other end really is. */
static __always_inline bool sp_is_translated(const struct sp_packet *p, const struct sp_ct_end *real)
{
	__u64 address[2];

	sp_ct_address(real, p->destination[0] == 0 && (__u32)p->destination[1] == bpf_htonl(0xffff), address);
	return address[0] == p->destination[0] && address[1] == p->destination[1] &&
	       real->port == bpf_htons(p->destination_port);
}

/* Replaces the destination if the program asked for port 53. Rules name that destination, the answer comes from it, and
 * the translation is the host's, not the program's. */
__noinline int sp_read_asked(struct __sk_buff *skb, struct sp_packet *p)
{
	struct sk_buff *kernel_skb;
	struct sp_ct_end end = {};
	unsigned long tracked;
	bool is_v4;

	if (!p || !p->readable || (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_TCP))
		return 0;
	kernel_skb = sp_untyped(skb);
	if (!bpf_core_field_exists(kernel_skb->_nfct))
		return 0;
	tracked = BPF_CORE_READ(kernel_skb, _nfct);
	if ((tracked & SP_CT_INFO) >= SP_CT_REPLY || !(tracked & ~SP_CT_INFO))
		return 0;
	tracked &= ~SP_CT_INFO;
	if (bpf_probe_read_kernel(&end, SP_CT_SIZE, (void *)(tracked + SP_CT_REAL)) || !sp_is_translated(p, &end) ||
	    bpf_probe_read_kernel(&end, SP_CT_SIZE, (void *)(tracked + SP_CT_ASKED)) ||
	    end.port != bpf_htons(SP_DNS_PORT) || end.protocol != p->protocol)
		return 0;
	is_v4 = p->destination[0] == 0 && (__u32)p->destination[1] == bpf_htonl(0xffff);
	sp_ct_address(&end, is_v4, p->destination);
	p->destination_port = SP_DNS_PORT;
	return 0;
}

#endif
