/* Reads the stream of a TCP client in one piece and in many. Both must give the same result, within bounds and in
 * bounded time. */
#ifndef SALLYPORT_FUZZ_STREAM_H
#define SALLYPORT_FUZZ_STREAM_H

#include "fuzz.h"

#define EVENTS_MAX 4096

struct event {
	__u64 at; /* offset in the stream after the ClientHello or request; 0: not compared */
	__u64 hash;
};

struct reading_log {
	__u32 count;
	struct event events[EVENTS_MAX];
};

static void note(struct reading_log *log, const struct sp_parse_request *r, __u64 at)
{
	/* SP_READ_OTHER comes a few bytes earlier when bytes come one by one, also after other cleartext. */
	bool is_placed = r->result != SP_READ_OTHER && r->result != SP_READ_AGAIN;
	__u64 hash = 0xcbf29ce484222325ULL;

	if (log->count == EVENTS_MAX)
		return;
	hash = hash_bytes(hash, &r->result, 1);
	if (r->result == SP_READ_HELLO) {
		hash = hash_bytes(hash, &r->hello, 1);
		if (r->hello == SP_HELLO_NAMED) {
			__u32 kept = r->text.name_length < SP_NAME_MAX ? r->text.name_length : SP_NAME_MAX;

			hash = hash_bytes(hash, &r->text.name_length, sizeof(r->text.name_length));
			hash = hash_bytes(hash, &r->text.flags, sizeof(r->text.flags));
			hash = hash_bytes(hash, r->text.name, kept);
		}
	}
	if (r->result == SP_READ_REQUEST) {
		const struct sp_text *t = &r->text;

		hash = hash_bytes(hash, &t->flags, sizeof(t->flags));
		if (!(t->flags & SP_REQUEST_BROKEN)) {
			hash = hash_bytes(hash, &t->name_length, 3 * sizeof(t->name_length));
			hash = hash_bytes(hash, t->name, t->name_length < SP_NAME_MAX ? t->name_length : SP_NAME_MAX);
			hash = hash_bytes(hash, t->method,
					  t->method_length < SP_METHOD_MAX ? t->method_length : SP_METHOD_MAX);
			hash = hash_bytes(hash, t->path, t->path_length < SP_PATH_MAX ? t->path_length : SP_PATH_MAX);
		}
	}
	log->events[log->count++] = (struct event){.at = is_placed ? at : 0, .hash = hash};
}

/* Splits the stream as `cuts` says; NULL: one piece. */
static void read_stream(const __u8 *data, __u32 size, struct numbers *cuts, struct reading_log *log)
{
	struct sp_parse_request request = {.kind = SP_PARSE_STREAM};
	__u32 given = 0, calls = 0;
	static struct sp_window window;
	struct sp_cursor cursor = {0};
	bool over = false;

	loop_steps = 0;
	while (given < size && !over) {
		__u32 piece = size - given;
		__u32 most = cuts ? (next_number(cuts) & 1 ? 3 : 200) : 0;
		const __u8 *copy;

		if (cuts && piece > most)
			piece = 1 + next_number(cuts) % most;
		copy = at_the_end(data + given, piece);
		request.at = 0;
		request.end = piece;
		do {
			struct __sk_buff packet = {.bytes = copy, .len = piece};
			struct sp_bytes bytes = {.packet = &packet, .end = piece, .window = &window};
			__u32 before = request.at;

			check(sp_parse(&request, &bytes, &cursor, &parse_work, 0) == 0,
			      "a request within bounds is answered");
			check(request.at >= before && request.at <= piece, "the offset stays within the piece");
			check(++calls <= 64 + 4 * size, "the number of calls is limited");
			over = request.result == SP_READ_OVER;
			check(request.result != SP_READ_MORE || request.at == piece,
			      "everything was read when more is requested");
			if (request.result != SP_READ_MORE)
				note(log, &request, given + request.at);
		} while (request.result != SP_READ_MORE && !over);
		given += piece;
	}
	check(loop_steps <= 256 + 16 * (__u64)size, "the work is proportional to the bytes");
	check_untouched(&request.http, sizeof(request.http));
}

static void read_both_ways(const __u8 *data, size_t size)
{
	static struct reading_log whole, pieces;
	struct numbers cuts = {.state = hash_bytes(0x9e3779b97f4a7c15ULL, data, size) | 1};

	whole.count = pieces.count = 0;
	read_stream(data, size, NULL, &whole);
	read_stream(data, size, &cuts, &pieces);
	check(whole.count == pieces.count, "pieces give as many results as one piece");
	for (__u32 i = 0; i < whole.count; i++) {
		check(whole.events[i].hash == pieces.events[i].hash, "pieces give the same results as one piece");
		check(!whole.events[i].at || whole.events[i].at == pieces.events[i].at,
		      "messages end at the same offset as in one piece");
	}
}

#endif
