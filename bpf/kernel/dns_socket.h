/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What is kept of DNS over TCP between two segments. Kernel only, unlike state.h. */
#ifndef SALLYPORT_KERNEL_DNS_SOCKET_H
#define SALLYPORT_KERNEL_DNS_SOCKET_H

#include "../parse/dns_stream.h"
#include "packet.h"

enum sp_dns_flag {
	SP_DNS_SENDING = 1, /* out_next is known */
	SP_DNS_RECEIVING = 2, /* in_next is known */
	SP_DNS_QUERIED = 4,
	SP_DNS_DENIED = 8, /* a question was, or what is no question; by `generation` */
	SP_DNS_OTHER = 16, /* what is sent is no DNS, and may be sent; by `generation` */
	SP_DNS_LOST = 32, /* something came before anything was asked: no answer is read */
};

/* A TCP socket that is connected to port 53. */
struct sp_dns_socket {
	__u32 out_next, in_next; /* sequence numbers: what has been read of either side ends here */
	__u32 generation, flags; /* enum sp_dns_flag */
	struct sp_dns_stream out, in;
	__u32 busy; /* an answer is read, on another CPU */
	__u32 reserved;
	/* of the answer that is read: the stack is short */
	struct sp_packet packet;
	__u64 cookie;
	__u8 wire[2 * SP_DNS_WIRE]; /* the beginning of a question that is half sent */
};

#define SP_DNS_ANSWER_MAX 4096 /* bytes of an answer in pieces that are read; whole ones are read where they are */
#define SP_DNS_CHUNK 256

struct sp_dns_buffer {
	__u8 bytes[SP_DNS_ANSWER_MAX + SP_DNS_CHUNK];
};

#endif
