/* Fuzzer of DTLS datagrams (bpf/parse/dtls.h). */
#include "fuzz.h"

static enum sp_hello_result read_dtls(const __u8 *data, __u32 size, struct sp_text *text)
{
	struct sp_parse_request request = {.kind = SP_PARSE_DTLS, .end = size};
	struct __sk_buff datagram = {.bytes = at_the_end(data, size), .len = size};
	struct sp_window window = {0};
	struct sp_cursor cursor = {0};
	struct sp_parse_work work;
	const struct sp_bytes bytes = {.packet = &datagram, .end = size, .window = &window};

	memset(&work, 0xff, sizeof(work));
	loop_steps = 0;
	check(sp_parse(&request, &bytes, &cursor, &work, 0) == 0, "a request within bounds is answered");
	check(loop_steps <= 64 + 4 * (__u64)size, "the work is proportional to the bytes");
	check(request.hello != SP_HELLO_CUT && request.hello <= SP_HELLO_NONE, "each datagram has a result");
	*text = request.text;
	return request.hello;
}

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	static struct sp_text text, again;
	static __u8 twice[1 << 16];
	enum sp_hello_result hello = read_dtls(data, size, &text);

	check(hello != SP_HELLO_NAMED || text.name_length <= size, "a name is part of the datagram");
	if (hello == SP_HELLO_NAMED && 2 * size <= sizeof(twice)) {
		memcpy(twice, data, size);
		memcpy(twice + size, data, size);
		check(read_dtls(twice, 2 * size, &again) != SP_HELLO_UNNAMED, "a second ClientHello hides no name");
	}
	return 0;
}
