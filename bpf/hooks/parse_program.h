/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The program `parse`: the parsers of parse/parse.h by BPF_PROG_TEST_RUN. It is never attached. */
#ifndef SALLYPORT_HOOKS_PARSE_PROGRAM_H
#define SALLYPORT_HOOKS_PARSE_PROGRAM_H

#include "../parse/parse.h"
#include "../traffic/parse_quic.h"
#include "../decide/scratch.h"

__noinline int sp_parse_in_area(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_bytes bytes = {.packet = skb, .end = skb->len};

	if (area)
		bytes.window = &area->window;
	return area ? sp_parse(&area->request, &bytes, &area->cursor, &area->request_work, sizeof(area->request)) : -1;
}

/* QUIC uses the area's text, which overlaps the request, so it gets its own area. */
static __always_inline int sp_parse_quic_beside(struct __sk_buff *skb, struct sp_scratch *area)
{
	struct sp_parse_request *r = &area->request;
	struct sp_scratch *work;
	int result;

	if (!sp_parse_in_bounds(r, skb->len, sizeof(*r)))
		return -1;
	work = sp_scratch_claim();
	if (!work)
		return -1;
	result = sp_parse_quic(skb, work, r, sizeof(*r));
	sp_scratch_release(work);
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
