/* Fuzzer of QUIC datagrams (bpf/parse/quic.h, bpf/traffic/quic_reading.h). No mutation passes the tag of a packet, so
 * frames and ClientHellos in pieces are also read directly. */
#include "fuzz.h"
#include "../../native/parsers/quic_stand_in.h"

#include "../../bpf/traffic/parse_quic.h"

static struct sp_quic_work work;
static struct sp_scratch area;

static void read_datagram(const __u8 *data, __u32 size, __u8 is_new)
{
	struct sp_parse_request request = {.kind = SP_PARSE_QUIC, .end = size, .quic = {.cookie = 1, .is_new = is_new}};
	struct __sk_buff datagram = {.bytes = at_the_end(data, size), .len = size};
	__u32 calls = 0;

	do {
		__u32 before = request.at;

		loop_steps = 0;
		check(sp_parse_quic(&datagram, &area, &request, 0) == 0, "a request within bounds is answered");
		check(request.at >= before && request.at <= size, "the offset stays within the piece");
		check(request.quic.way <= SP_QUIC_WAYS, "the way is valid");
		check(request.result != SP_STEP_ON, "each call returns a result");
		check(++calls <= 16 + size, "the number of calls is limited");
		check(loop_steps <= 4096 + 64 * (__u64)size * SP_QUIC_WAYS, "the work is proportional to the bytes");
	} while (request.result != SP_STEP_END);
	check(request.at == size, "everything was read at the end");
}

/* Reads the frames of a decrypted packet. */
static int read_frames(struct sp_quic_stream *stream, const void *frames, __u32 size)
{
	__u32 contiguous = stream->contiguous, highest = stream->highest;
	int result;

	/* discards the previous frames */
	memset(work.packet, 0, sizeof(work.packet) < work.length ? sizeof(work.packet) : work.length);
	memcpy(work.packet, frames, size);
	work.length = size;
	work.version = 1;
	work.at = 0;
	work.end = size;
	loop_steps = 0;
	result = sp_quic_frames(&work, stream);
	check(loop_steps <= 64 + 4 * (__u64)(size + SP_QUIC_STREAM_MAX),
	      "the work is proportional to the frames and the stream");
	check(work.at <= size, "no frame exceeds its packet");
	check(stream->contiguous >= contiguous && stream->highest >= highest, "known bytes stay known");
	check(stream->contiguous <= stream->highest && stream->highest <= SP_QUIC_STREAM_MAX,
	      "only received bytes are known");
	check((result != 0) == (stream->broken != 0), "malformed frames are noted");
	return result;
}

static __u64 hellos(struct sp_quic_stream *stream)
{
	enum sp_hello_result hello = SP_HELLO_CUT;
	static struct sp_text text;
	__u64 hash = 0xcbf29ce484222325ULL;
	__u32 before = stream->message;
	int result;

	while ((result = sp_quic_next_hello(stream, &text, &hello)) == SP_QUIC_HELLO) {
		__u32 kept = text.name_length < SP_NAME_MAX ? text.name_length : SP_NAME_MAX;

		check(stream->message >= before + 4 && stream->message <= stream->contiguous,
		      "a returned ClientHello is complete");
		before = stream->message;
		hash = hash_bytes(hash, &hello, sizeof(hello));
		if (hello == SP_HELLO_NAMED)
			hash = hash_bytes(hash, text.name, kept);
	}
	return hash_bytes(hash, &result, sizeof(result));
}

static __u32 put_number(__u8 *to, __u32 number)
{
	to[0] = 0x80 | number >> 24;
	to[1] = number >> 16;
	to[2] = number >> 8;
	to[3] = number;
	return 4;
}

/* Reads a CRYPTO frame with this part of the data. */
static int read_crypto(struct sp_quic_stream *stream, const __u8 *data, __u32 from, __u32 to)
{
	static __u8 frame[SP_QUIC_PACKET_MAX];
	__u32 at = 0;

	frame[at++] = SP_FRAME_CRYPTO;
	at += put_number(frame + at, from);
	at += put_number(frame + at, to - from);
	memcpy(frame + at, data + from, to - from);
	return read_frames(stream, frame, at + to - from);
}

/* The result does not depend on the order of the pieces, nor on how often each comes. */
static void read_pieces(const __u8 *data, __u32 size, struct numbers *cuts)
{
	static struct sp_quic_stream whole, pieces;
	static __u8 wrong[SP_QUIC_STREAM_MAX];
	__u32 from[64], to[64], count = 0, at = 0;

	memset(&whole, 0, sizeof(whole));
	memset(&pieces, 0xff, sizeof(pieces));
	memset(&pieces, 0, offsetof(struct sp_quic_stream, data)); /* unreceived bytes must not matter */
	for (at = 0; at < size && count < 64; count++) {
		from[count] = at - next_number(cuts) % (at + 1) % 20;
		at += 1 + next_number(cuts) % (size / 16 + 8);
		to[count] = at = at > size || count == 63 ? size : at;
	}
	for (__u32 i = 0; i < count; i++)
		check(read_crypto(&whole, data, from[i], to[i]) == 0, "CRYPTO frames are read");
	for (__u32 i = count; i > 1; i--) {
		__u32 other = next_number(cuts) % i, one = from[i - 1], end = to[i - 1];

		from[i - 1] = from[other];
		to[i - 1] = to[other];
		from[other] = one;
		to[other] = end;
	}
	for (__u32 i = 0; i < count; i++)
		check(read_crypto(&pieces, data, from[i], to[i]) == 0, "CRYPTO frames are read in any order");
	check(whole.contiguous == size && pieces.contiguous == size, "no byte is lost");
	check(memcmp(whole.data, data, size) == 0 && memcmp(pieces.data, data, size) == 0, "no byte is changed");
	check(hellos(&whole) == hellos(&pieces), "any order gives the same ClientHellos");
	/* a byte that contradicts a known one */
	at = next_number(cuts) % size;
	wrong[at] = data[at] ^ 1;
	check(read_crypto(&pieces, wrong, at, at + 1) != 0 && pieces.broken, "a contradiction is noted");
}

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	struct numbers cuts = {.state = hash_bytes(0x9e3779b97f4a7c15ULL, data, size) | 1};
	static struct sp_quic_stream stream;

	read_datagram(data, size, 1);
	read_datagram(data, size, 0);
	memset(&stream, 0, sizeof(stream));
	if (size <= SP_QUIC_PACKET_MAX && read_frames(&stream, data, size) == 0)
		hellos(&stream);
	if (size > 0 && size <= SP_QUIC_STREAM_MAX / 4)
		read_pieces(data, size, &cuts);
	return 0;
}
