/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DNS messages in a TCP stream, each after its length in two bytes (RFC 1035 4.2.2), read in pieces of any size. */
#ifndef SALLYPORT_PARSE_DNS_STREAM_H
#define SALLYPORT_PARSE_DNS_STREAM_H

#include "dns.h"

/* Position in the stream. All zero: the start. */
struct sp_dns_stream {
	__u16 length; /* of the message */
	__u16 have; /* bytes of the message that were read */
	__u8 framed; /* bytes of the length that were read */
	__u8 delivered; /* the beginning of the message was returned */
	__u8 reserved[2];
};

enum sp_dns_stream_result {
	SP_DNS_STREAM_MORE, /* nothing yet; call again while *at < end */
	SP_DNS_STREAM_MESSAGE, /* `wire` holds the beginning of a message, sp_dns_stream_wire() bytes; call again */
	SP_DNS_STREAM_OTHER, /* not a DNS question; the position is lost */
};

static __always_inline __u32 sp_dns_stream_wire(const struct sp_dns_stream *s)
{
	return s->length < SP_DNS_WIRE ? s->length : SP_DNS_WIRE;
}

static __always_inline void sp_dns_stream_frame(struct sp_dns_stream *s, const struct sp_bytes *bytes, __u32 *at,
						__u32 end)
{
	__u8 byte;

	for (int i = 0; i < 2; i++) {
		if (s->framed == 2 || *at >= end || sp_read(bytes, *at, &byte, 1))
			return;
		s->length = s->length << 8 | byte;
		s->framed++;
		*at += 1;
	}
}

/* Reads [*at, end), in order, in pieces of any size. A message is returned once its first SP_DNS_WIRE bytes, or all of
 * it, were read. Other data is returned as soon as its header was read. `wire` has 2 * SP_DNS_WIRE bytes, because the
 * verifier does not relate the offset to the count. */
static __always_inline enum sp_dns_stream_result sp_dns_stream_read(struct sp_dns_stream *s, __u8 *wire,
								    const struct sp_bytes *bytes, __u32 *at, __u32 end)
{
	struct sp_dns_head head;
	__u32 wanted, count;

	if (s->delivered && s->have >= s->length)
		__builtin_memset(s, 0, sizeof(*s));
	sp_dns_stream_frame(s, bytes, at, end);
	if (s->framed < 2)
		return SP_DNS_STREAM_MORE;
	if (s->length < SP_DNS_HEADER)
		return SP_DNS_STREAM_OTHER;
	count = end - *at;
	if (!s->delivered) {
		wanted = sp_dns_stream_wire(s) - s->have;
		if (count > wanted)
			count = wanted;
		if (count > 0 &&
		    sp_read(bytes, *at, wire + (s->have & (SP_DNS_WIRE - 1)), sp_bounded(count, SP_DNS_WIRE)))
			return SP_DNS_STREAM_OTHER;
		*at += count;
		s->have += count;
		if (s->have >= SP_DNS_HEADER) {
			sp_dns_head_of(wire, &head);
			if (!sp_dns_is_question(&head))
				return SP_DNS_STREAM_OTHER;
		}
		if (s->have < sp_dns_stream_wire(s))
			return SP_DNS_STREAM_MORE;
		s->delivered = 1;
		return SP_DNS_STREAM_MESSAGE;
	}
	if (count > (__u32)(s->length - s->have))
		count = s->length - s->have;
	*at += count;
	s->have += count;
	return SP_DNS_STREAM_MORE;
}

#endif
