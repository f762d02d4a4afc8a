/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* IP and transport headers at the cgroup hooks, where a packet begins with its IP header. */
#ifndef SALLYPORT_KERNEL_PACKET_H
#define SALLYPORT_KERNEL_PACKET_H

#include "../wire/core_fixes.h"

#define SP_EXTENSIONS_MAX 8
#define SP_IP4_HEAD 20 /* bytes, without options */
#define SP_IP4_PLAIN 0x45 /* first byte: version, and a header without options */
#define SP_IP4_HEAD_MAX 64 /* over the largest header of 60 bytes; a power of two */
#define SP_IP4_FRAGMENT_OFFSET 0x1fff
#define SP_IP6_HEAD 40
#define SP_IP6_FRAGMENT_OFFSET 0xfff8
#define SP_TCP_HEAD 20
#define SP_UDP_HEAD 8
#define SP_IP4_OPTIONS_MAX 40 /* bytes, and therefore options */
#define SP_OPTION_END 0
#define SP_OPTION_NOP 1
#define SP_OPTION_LSRR 131
#define SP_OPTION_SSRR 137
#define SP_TCP_FIN 1
#define SP_TCP_SYN 2
#define SP_TCP_RST 4
#define SP_TCP_URG 32

/* TCP packets without payload that are judged differently. */
enum sp_control_packet {
	SP_CONTROL_OTHER = 0,
	SP_CONTROL_JOIN, /* a SYN that adds a subflow to an MPTCP connection */
	SP_CONTROL_HALF, /* a FIN in the middle of a request's head */
};

struct sp_packet {
	__u64 source[2], destination[2]; /* network order, IPv4 mapped */
	__u16 source_port, destination_port; /* 0 if the protocol has none */
	__u8 protocol, tcp_flags;
	__u8 icmp_type;
	__u8 readable; /* 0: malformed, or a fragment without its transport header */
	__u32 payload, end; /* offsets */
	__u32 sequence; /* TCP: of the first payload byte */
	/* addresses do not show where the packet goes or comes from (traffic/untrusted_address.h) */
	__u8 untrusted_address;
	__u8 control; /* enum sp_control_packet; set by the caller */
	__u16 transport; /* offset of the TCP header */
};

static __always_inline bool sp_is_extension(__u8 next)
{
	/* RFC 8200 4: hop-by-hop, routing, destination options */
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

/* True for a loose or strict source route (RFC 791 3.1), and for a malformed option, which may be one. */
static __always_inline bool sp_is_routed4(struct __sk_buff *skb, __u32 end)
{
	__u32 at = SP_IP4_HEAD;
	__u8 option[2];

	for (int i = 0; i < SP_IP4_OPTIONS_MAX; i++) {
		if (at >= end || bpf_skb_load_bytes(skb, at, option, 1) || option[0] == SP_OPTION_END)
			return false;
		if (option[0] == SP_OPTION_NOP) {
			at = (at + 1) % SP_IP4_HEAD_MAX;
			continue;
		}
		if (option[0] == SP_OPTION_LSRR || option[0] == SP_OPTION_SSRR ||
		    bpf_skb_load_bytes(skb, at, option, 2) || option[1] < 2)
			return true;
		if (at + option[1] >= end)
			return false;
		at = (at + option[1]) % SP_IP4_HEAD_MAX;
	}
	return true;
}

static __always_inline int sp_read_ip6(struct __sk_buff *skb, struct sp_packet *p, __u32 *at)
{
	__u8 head[SP_IP6_HEAD], next[4], fragment[8];

	if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)))
		return -1;
	__builtin_memcpy(p->source, head + 8, 16);
	__builtin_memcpy(p->destination, head + 24, 16);
	p->protocol = head[6];
	*at = sizeof(head);
	for (int i = 0; i < SP_EXTENSIONS_MAX; i++) {
		if (p->protocol == IPPROTO_FRAGMENT) { /* RFC 8200 4.5 */
			if (bpf_skb_load_bytes(skb, *at, fragment, sizeof(fragment)))
				return -1;
			p->protocol = fragment[0];
			*at += sizeof(fragment);
			if ((fragment[2] << 8 | fragment[3]) & SP_IP6_FRAGMENT_OFFSET)
				return -1;
		} else if (sp_is_extension(p->protocol)) {
			if (bpf_skb_load_bytes(skb, *at, next, sizeof(next)))
				return -1;
			if (p->protocol == IPPROTO_ROUTING && next[3] > 0) /* segments left (RFC 8200 4.4) */
				p->untrusted_address = 1;
			p->protocol = next[0];
			*at += (next[1] + 1) * 8;
		} else {
			return 0;
		}
	}
	return sp_is_extension(p->protocol) ? -1 : 0;
}

static __always_inline int sp_read_ip4(struct __sk_buff *skb, struct sp_packet *p, __u32 *at)
{
	__u8 head[SP_IP4_HEAD];
	__u32 address;

	if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)))
		return -1;
	__builtin_memcpy(&address, head + 12, 4);
	p->source[0] = 0;
	p->source[1] = (__u64)address << 32 | bpf_htonl(0xffff);
	__builtin_memcpy(&address, head + 16, 4);
	p->destination[0] = 0;
	p->destination[1] = (__u64)address << 32 | bpf_htonl(0xffff);
	p->protocol = head[9];
	*at = (head[0] & 0xf) * 4;
	if (*at > SP_IP4_HEAD && sp_is_routed4(skb, *at))
		p->untrusted_address = 1;
	/* only the first fragment has a transport header */
	return (head[6] << 8 | head[7]) & SP_IP4_FRAGMENT_OFFSET ? -1 : 0;
}

/* Returns 0, or -1 if the headers cannot be read completely. Addresses and protocol are set as far as they were
 * read. */
__noinline int sp_read_packet(struct __sk_buff *skb, struct sp_packet *p)
{
	__u8 raw[SP_TCP_HEAD];
	__u32 at;
	int broken;

	if (!p)
		return -1;
	__builtin_memset(p, 0, sizeof(*p));
	p->end = skb->len;
	broken = skb->protocol == bpf_htons(ETH_P_IPV6) ? sp_read_ip6(skb, p, &at) : sp_read_ip4(skb, p, &at);
	if (broken)
		return -1;
	p->payload = at;
	switch (p->protocol) {
	case IPPROTO_TCP:
		if (bpf_skb_load_bytes(skb, at, raw, SP_TCP_HEAD))
			return -1;
		p->tcp_flags = raw[13];
		p->transport = at;
		p->payload = at + (raw[12] >> 4) * 4;
		p->sequence = (__u32)raw[4] << 24 | raw[5] << 16 | raw[6] << 8 | raw[7];
		if (p->tcp_flags & SP_TCP_SYN) /* a SYN takes a sequence number, and may carry data (RFC 7413) */
			p->sequence++;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		if (bpf_skb_load_bytes(skb, at, raw, SP_UDP_HEAD))
			return -1;
		p->payload = at + SP_UDP_HEAD;
		break;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (bpf_skb_load_bytes(skb, at, raw, 4))
			return -1;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (bpf_skb_load_bytes(skb, at, raw, 1))
			return -1;
		p->icmp_type = raw[0];
		p->readable = 1;
		return 0;
	default:
		p->readable = 1;
		return 0;
	}
	p->source_port = raw[0] << 8 | raw[1];
	p->destination_port = raw[2] << 8 | raw[3];
	p->readable = 1;
	return p->payload > p->end ? -1 : 0;
}

/* True if a TCP packet has no IP options and no extension headers. */
static __always_inline bool sp_is_plain(struct __sk_buff *skb)
{
	const __u8 *head = (const void *)(long)skb->data;

	if (head + SP_IP6_HEAD > (const __u8 *)(long)skb->data_end)
		return false;
	return head[0] == SP_IP4_PLAIN || (head[0] >> 4 == 6 && head[6] == IPPROTO_TCP);
}

/* True if the packet holds pages that the sender can still change (MSG_ZEROCOPY, sendfile, splice). A retransmission
 * may then differ from the bytes that were read. */
static __always_inline bool sp_has_shared_frags(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = sp_untyped(skb);
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(kernel_skb, head) + BPF_CORE_READ(kernel_skb, end));

	return BPF_CORE_READ(shared, flags) & SKBFL_SHARED_FRAG;
}

/* The same for a datagram. splice() and sendfile() do not mark its pages, but without segmentation offload (GSO) only
 * they, MSG_ZEROCOPY and corked sends have pages at all. Most datagrams are linear, which costs no look at the kernel's
 * structures. */
static __always_inline bool sp_datagram_may_change(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb;
	struct skb_shared_info *shared;

	if ((void *)(long)skb->data_end - (void *)(long)skb->data == skb->len)
		return false;
	kernel_skb = sp_untyped(skb);
	shared = (void *)(BPF_CORE_READ(kernel_skb, head) + BPF_CORE_READ(kernel_skb, end));
	return BPF_CORE_READ(shared, flags) & SKBFL_SHARED_FRAG ||
	       (skb->gso_size == 0 && BPF_CORE_READ(shared, nr_frags));
}

#endif
