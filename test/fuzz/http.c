/* Fuzzer of HTTP requests and what may follow them (bpf/parse/http.h, http_head.h, http_fields.h, reader.h), and of
 * responses. */
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
		check(sp_parse(&request, &bytes, &cursor, &parse_work, 0) == 0, "a request within bounds is answered");
		given += piece;
	}
	check(request.text.status <= 999, "the status has three digits");
	return request.text.status;
}

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	read_both_ways(data, size);
	check(status_in_pieces(data, size, size) == status_in_pieces(data, size, 1),
	      "pieces give the same status as one piece");
	return 0;
}
