/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* State of DNS over TCP between two segments. Kernel only, unlike wire/state.h. */
#ifndef SALLYPORT_KERNEL_DNS_SOCKET_H
#define SALLYPORT_KERNEL_DNS_SOCKET_H

#include "../parse/dns_stream.h"
#include "packet.h"

enum sp_dns_flag {
	SP_DNS_SENDING = 1, /* out_next is valid */
	SP_DNS_RECEIVING = 2, /* in_next is valid */
	SP_DNS_QUERIED = 4,
	SP_DNS_DENIED = 8, /* a question or other data was denied by the policy of `epoch` */
	SP_DNS_OTHER = 16, /* the data is not DNS and was allowed by the policy of `epoch` */
	SP_DNS_LOST = 32, /* data came before the first question: answers are not read */
};

/* A TCP socket that is connected to port 53. */
struct sp_dns_socket {
	__u32 out_next, in_next; /* sequence numbers after the last byte that was read in each direction */
	__u32 epoch, flags; /* enum sp_dns_flag */
	struct sp_dns_stream out, in;
	__u32 busy; /* another CPU is reading an answer */
	__u32 reserved;
	/* of the current answer, too large for the stack */
	struct sp_packet packet;
	__u64 cookie;
	__u8 wire[2 * SP_DNS_WIRE]; /* the beginning of an incomplete question */
};

#define SP_DNS_ANSWER_MAX 4096 /* longest split answer that is parsed [bytes]; a complete one is parsed in the packet */
#define SP_DNS_CHUNK 256

struct sp_dns_buffer {
	__u8 bytes[SP_DNS_ANSWER_MAX + SP_DNS_CHUNK];
};

#endif
