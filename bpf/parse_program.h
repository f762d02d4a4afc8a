/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* parse.h in the kernel: never attached, asked by BPF_PROG_TEST_RUN. */
#ifndef SALLYPORT_PARSE_PROGRAM_H
#define SALLYPORT_PARSE_PROGRAM_H

#include "parse.h"
#include "parse_quic.h"
#include "scratch.h"

__noinline int sp_parse_in_area(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};

	if (area)
		bytes.window = &area->window;
	return area ? sp_parse(&area->request, &bytes, &area->place, &area->request_room, sizeof(area->request)) : -1;
}

/* QUIC's texts lie where the request does: it is read in an area of its own. */
static __always_inline int sp_parse_quic_beside(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_parse_request *r = &area->request;
	struct sp_scratch *room;
	int result;

	if (!sp_parse_is_there(r, skb->len, sizeof(*r)))
		return -1;
	room = sp_scratch_claim();
	if (!room)
		return -1;
	result = sp_parse_quic(skb, room, r, sizeof(*r));
	sp_scratch_release(room);
	return result;
}

static __always_inline int sp_parse_any(struct __sk_buff *skb, struct sp_scratch *area)
{
	return area->request.kind == SP_PARSE_QUIC ? sp_parse_quic_beside(skb, area) : sp_parse_in_area(skb, area);
}

SEC("tc") int parse(struct __sk_buff *skb)
{
	struct sp_scratch *area = sp_scratch_claim();
	int result = -1;

	if (!area)
		return -1;
	if (bpf_skb_load_bytes(skb, 0, &area->request, sizeof(area->request)) == 0 && sp_parse_any(skb, area) == 0 &&
	    (area->request.is_timing || bpf_skb_store_bytes(skb, 0, &area->request, sizeof(area->request), 0) == 0))
		result = 0;
	sp_scratch_release(area);
	return result;
}

#endif
