/* Streams that begin as HTTP, with what may follow them (bpf/parse/http.h, bpf/parse/http_head.h, bpf/parse/http_fields.h, bpf/parse/reader.h); and the answers
 * of servers. */
#include "stream.h"

static int status_in_pieces(const __u8 *data, __u32 size, __u32 most)
{
	struct sp_parse_request request = {.kind = SP_PARSE_ANSWER};
	struct sp_cursor cursor = {0};
	__u32 given = 0;

	while (given < size && !request.result) {
		__u32 piece = size - given < most ? size - given : most;
		struct __sk_buff packet = {.bytes = at_the_end(data + given, piece), .len = piece};
		struct sp_bytes bytes = {.packet = &packet, .end = piece};

		request.at = 0;
		request.end = piece;
		check(sp_parse(&request, &bytes, &cursor, &parse_work, 0) == 0, "a request for what is there is answered");
		given += piece;
	}
	check(request.text.status <= 999, "a status of three digits");
	return request.text.status;
}

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	read_both_ways(data, size);
	check(status_in_pieces(data, size, size) == status_in_pieces(data, size, 1), "the same status in pieces as in one");
	return 0;
}
