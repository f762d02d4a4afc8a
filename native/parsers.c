/* SPDX-License-Identifier: MIT */
#include "parsers.h"

#include "../bpf/parse.h"

size_t sp_parse_request_size(void)
{
	return sizeof(struct sp_parse_request);
}

int sp_parse_in_user_space(void *request, const uint8_t *bytes, uint32_t length)
{
	struct sp_window window = {0};
	struct sp_place place = {0};
	struct sp_parse_room room;
	const struct sp_bytes at_hand = {.packet = bytes, .end = length, .window = &window};

	return sp_parse(request, &at_hand, &place, &room, 0);
}
