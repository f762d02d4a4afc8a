/* Fuzzer of DNS messages (bpf/parse/dns.h, dns_records.h) and of DNS streams in pieces (dns_stream.h). */
#include "fuzz.h"

#include "../../bpf/parse/dns_stream.h"

static void read_message(const __u8 *data, __u32 size)
{
	struct sp_parse_request request = {.kind = SP_PARSE_DNS, .end = size};
	struct __sk_buff packet = {.bytes = at_the_end(data, size), .len = size};
	struct sp_bytes bytes = {.packet = &packet, .end = size};
	struct sp_cursor cursor = {0};
	__u32 calls = 0;

	loop_steps = 0;
	do {
		check(sp_parse(&request, &bytes, &cursor, &parse_work, 0) == 0, "a request within bounds is answered");
		check(request.text.name_length < SP_NAME_MAX, "the name fits its array");
		check(++calls <= 4 + size, "the number of calls is limited");
	} while (request.result == SP_PARSE_DNS_QUESTION || request.result == SP_PARSE_DNS_ADDRESS);
	check_untouched(request.text.method, sizeof(request.text.method));
	check(loop_steps <= (__u64)(calls + 1) * (SP_DNS_WIRE + SP_DNS_STEPS),
	      "the work is proportional to the answers");
}

/* The messages in a stream do not depend on how it was split. */
static __u64 read_stream(const __u8 *data, __u32 size, struct numbers *cuts)
{
	static __u8 wire[2 * SP_DNS_WIRE];
	struct sp_dns_stream stream = {};
	__u64 hash = 0;
	__u32 given = 0, calls = 0;

	while (given < size) {
		__u32 piece = cuts ? 1 + next_number(cuts) % 40 : size;
		struct __sk_buff packet;
		struct sp_bytes bytes;
		__u32 at = 0;

		if (piece > size - given)
			piece = size - given;
		packet = (struct __sk_buff){.bytes = at_the_end(data + given, piece), .len = piece};
		bytes = (struct sp_bytes){.packet = &packet, .end = piece};
		while (at < piece) {
			__u32 before = at;
			enum sp_dns_stream_result result = sp_dns_stream_read(&stream, wire, &bytes, &at, piece);

			check(at >= before && at <= piece, "the offset stays within the piece");
			check(++calls <= 4 + 4 * size, "the number of calls is limited");
			if (result == SP_DNS_STREAM_OTHER)
				return hash_bytes(hash, "other", 5);
			if (result == SP_DNS_STREAM_MESSAGE)
				hash = hash_bytes(hash, wire, sp_dns_stream_wire(&stream));
		}
		given += piece;
	}
	return hash;
}

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	struct numbers cuts = {.state = hash_bytes(0x9e3779b97f4a7c15ULL, data, size) | 1};

	read_message(data, size);
	check(read_stream(data, size, NULL) == read_stream(data, size, &cuts),
	      "pieces give the same messages as one piece");
	return 0;
}
