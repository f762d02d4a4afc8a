/* SPDX-License-Identifier: MIT */
#include "parsers.h"

#include "quic_stand_in.h"

#include "../../bpf/parse/parse.h"
#include "../../bpf/traffic/parse_quic.h"

size_t sp_parse_request_size(void)
{
	return sizeof(struct sp_parse_request);
}

static int parse_quic(struct sp_parse_request *request, struct __sk_buff *datagram)
{
	static _Thread_local struct sp_scratch area;

	return sp_parse_quic(datagram, &area, request, 0);
}

int sp_parse_in_user_space(void *request, const uint8_t *bytes, uint32_t length)
{
	struct sp_window window = {0};
	struct sp_cursor cursor = {0};
	struct sp_parse_work work;
	struct __sk_buff packet = {.bytes = bytes, .len = length};
	const struct sp_bytes at_hand = {.packet = &packet, .end = length, .window = &window};
	struct sp_parse_request *parse_request = request;

	if (parse_request->kind == SP_PARSE_QUIC)
		return sp_parse_in_bounds(parse_request, length, 0) ? parse_quic(parse_request, &packet) : -1;
	return sp_parse(parse_request, &at_hand, &cursor, &work, 0);
}
