/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* HTTP/1 requests in cleartext (RFC 9112), read in order in pieces of any size. Bodies are skipped, so every request of
 * a persistent or pipelined connection is found. Pure functions over bytes; the state between two pieces is plain
 * data. */
#ifndef SALLYPORT_PARSE_HTTP_H
#define SALLYPORT_PARSE_HTTP_H

#include "http_fields.h"

#define SP_HTTP_WINDOW 32
#define SP_HTTP_NO_TEXT 22 /* the control byte that begins a TLS record: bytes up to it are never skipped as text */

struct sp_http_walk {
	struct sp_bytes bytes;
	struct sp_http_reader *reader;
	struct sp_text *text;
	__u32 at, end; /* unread range; `at` is after the last byte that was read */
	__u32 window_at, window_end;
	__u64 window[SP_HTTP_WINDOW / 8]; /* the bytes of that range, lowest first, then zeros */
	enum sp_http_result result;
};

/* Reads one byte of a head, or of the lines around chunks. Returns enum sp_http_result. CR counts only as a part of
 * CRLF, except in a request line. Global: verified once. */
__noinline int sp_http_byte(struct sp_http_reader *r, struct sp_text *text, __u8 c)
{
	bool crlf, in_line;

	if (!r || !text)
		return SP_HTTP_BROKEN;
	crlf = r->flags & SP_HTTP_SAW_CR;
	r->flags &= ~SP_HTTP_SAW_CR;
	in_line = r->state < SP_HTTP_LINE_END || r->flags & SP_HTTP_IN_TARGET;
	if (crlf && c != '\n' && in_line)
		sp_http_line_cr(r);
	if ((crlf && c != '\n' && !in_line) || (c == 0 && (!in_line || r->state <= SP_HTTP_METHOD)) ||
	    c == SP_HTTP_NO_TEXT)
		return r->state <= SP_HTTP_METHOD ? sp_http_not_http(r) : sp_http_break(r, SP_HTTP_BAD_CONTROL);
	if (++r->head > SP_HTTP_HEAD_MAX)
		return r->state <= SP_HTTP_METHOD ? sp_http_not_http(r) : sp_http_break(r, SP_HTTP_TOO_LONG);
	if (c == '\r') {
		r->flags |= SP_HTTP_SAW_CR;
		return SP_HTTP_MORE;
	}
	switch (r->state) {
	case SP_HTTP_START:
		return sp_http_start(r, text, c);
	case SP_HTTP_METHOD:
		return sp_http_method(r, text, c);
	case SP_HTTP_TARGET:
		return sp_http_target(r, text, c);
	case SP_HTTP_SCHEME:
		return sp_http_scheme(r, text, c);
	case SP_HTTP_PATH:
		return sp_http_path(r, text, c);
	case SP_HTTP_VERSION:
		return sp_http_version(r, text, c);
	case SP_HTTP_LINE_END:
		r->state = SP_HTTP_LINE;
		return c == '\n' ? SP_HTTP_MORE : sp_http_break(r, SP_HTTP_BAD_LINE);
	case SP_HTTP_NAME:
	case SP_HTTP_LITERAL:
	case SP_HTTP_PORT:
	case SP_HTTP_NAME_END:
		return sp_http_name(r, text, c);
	case SP_HTTP_LINE:
		return sp_http_line(r, text, c);
	case SP_HTTP_FIELD:
		return sp_http_field(r, text, c);
	case SP_HTTP_SKIP:
		if (c == '\n')
			r->state = SP_HTTP_LINE;
		return SP_HTTP_MORE;
	case SP_HTTP_VALUE:
		return sp_http_value_start(r, text, c);
	case SP_HTTP_LENGTH:
	case SP_HTTP_LENGTH_END:
		return sp_http_length(r, c);
	case SP_HTTP_CODING:
		return sp_http_coding(r, c);
	case SP_HTTP_CHUNK:
	case SP_HTTP_CHUNK_EXTENSION:
		return sp_http_chunk(r, c, crlf);
	case SP_HTTP_CHUNK_END:
		return sp_http_chunk_end(r, c, crlf);
	case SP_HTTP_TRAILER:
		return sp_http_trailer(r, c);
	default: /* SP_HTTP_TRAILER_SKIP */
		if (c == '\n')
			r->state = SP_HTTP_TRAILER;
		return SP_HTTP_MORE;
	}
}

static __always_inline int sp_http_load(struct sp_http_walk *w)
{
	__u32 count = w->end - w->at;

	count = count < SP_HTTP_WINDOW ? count : SP_HTTP_WINDOW;
	__builtin_memset(w->window, 0, sizeof(w->window));
	if (sp_read(&w->bytes, w->at, w->window, sp_bounded(count, SP_HTTP_WINDOW)))
		return -1;
	w->window_at = w->at;
	w->window_end = w->at + count;
	return 0;
}

/* Counts the leading bytes that are at least `least`, and below 128 if is_ascii (Bit Twiddling Hacks, "Determine if a
 * word has a byte less than n"; the lowest byte that it finds is exact). */
static __always_inline __u32 sp_http_run(__u64 word, __u8 least, bool is_ascii)
{
	__u64 less = word - least * 0x0101010101010101ULL;
	__u64 low = (is_ascii ? less | word : less & ~word) & 0x8080808080808080ULL;

	return (((((low & -low) >> 7) - 1) & 0x0101010101010101ULL) * 0x0101010101010101ULL) >> 56;
}

/* Skips a run of bytes in an irrelevant field, and the CRLF after it. Returns the number of bytes; 0: read one
 * byte. */
static __always_inline __u32 sp_http_skip(struct sp_http_reader *r, __u64 word)
{
	__u32 run = sp_http_run(word, SP_HTTP_NO_TEXT + 1, false); /* all but NUL, tab, LF, CR and similar */

	if (run < 7 && (word >> run * 8 & 0xffff) == ('\r' | '\n' << 8) && r->state != SP_HTTP_CHUNK_EXTENSION) {
		r->state = r->state == SP_HTTP_SKIP ? SP_HTTP_LINE : SP_HTTP_TRAILER;
		run += 2;
	}
	return run;
}

static __always_inline __u32 sp_http_path_run(struct sp_text *text, __u64 word)
{
	__u32 run = sp_http_run(word, 0x21, true);
	__u16 length = text->path_length;

	if (length > SP_PATH_MAX - sizeof(word))
		return 0;
	__builtin_memcpy(text->path + length, &word, sizeof(word));
	text->path_length = length + run;
	return run;
}

/* Takes one step: part of a body, a run of similar bytes, or one byte. */
static long sp_http_step(__u32 i, void *state)
{
	struct sp_http_walk *w = state;
	struct sp_http_reader *r = w->reader;
	__u32 run = 0, at;
	__u64 word;
	__u8 s = r->state;

	(void)i;
	if (w->at >= w->end)
		return 1;
	if (s == SP_HTTP_BODY || s == SP_HTTP_CHUNK_DATA) {
		run = r->left < w->end - w->at ? r->left : w->end - w->at;
		w->at += run;
		r->left -= run;
		if (!r->left)
			r->state = s == SP_HTTP_BODY ? SP_HTTP_START : SP_HTTP_CHUNK_END;
		return 0;
	}
	if ((w->at < w->window_at || w->at >= w->window_end) && sp_http_load(w))
		return 1;
	at = w->at - w->window_at;
	word = w->window[at / 8 & (SP_HTTP_WINDOW / 8 - 1)] >> (at * 8 & 63);
	if (r->head <= SP_HTTP_HEAD_MAX - 8 && !(r->flags & SP_HTTP_SAW_CR)) {
		if (s == SP_HTTP_SKIP || s == SP_HTTP_TRAILER_SKIP || s == SP_HTTP_CHUNK_EXTENSION)
			run = sp_http_skip(r, word);
		else if (s == SP_HTTP_PATH)
			run = sp_http_path_run(w->text, word);
	}
	if (run) {
		r->head += run;
		w->at += run;
		return 0;
	}
	w->at++;
	w->result = sp_http_byte(r, w->text, word);
	return w->result != SP_HTTP_MORE;
}

/* Reads [*at, end) and moves `*at` after the last byte that was read: after the head at SP_HTTP_REQUEST. At
 * SP_HTTP_OTHER and SP_HTTP_SWITCHED it has read into the next protocol. */
static __always_inline enum sp_http_result sp_http_read(struct sp_http_reader *reader, struct sp_text *text,
							const struct sp_bytes *bytes, __u32 *at, __u32 end)
{
	struct sp_http_walk walk = {.bytes = *bytes, .reader = reader, .text = text, .at = *at, .end = end};

	if (reader->state >= SP_HTTP_STOPPED)
		return reader->reason ? SP_HTTP_BROKEN : reader->kept ? SP_HTTP_SWITCHED : SP_HTTP_OTHER;
	if (walk.at < end)
		bpf_loop(end - walk.at, sp_http_step, &walk, 0);
	*at = walk.at;
	return walk.result;
}

/* True if a head is incomplete, so its verdict is still to come. */
static __always_inline bool sp_http_is_pending(const struct sp_http_reader *r)
{
	return r->state > SP_HTTP_START && r->state < SP_HTTP_CHUNK;
}

/* "HTTP/1.x NNN" (RFC 9112 4): offset of NNN, and the offset after it. */
#define SP_HTTP_STATUS_AT 9
#define SP_HTTP_STATUS_END 12

/* Reads the status of a response in pieces of any size. Returns the status, 0 if it is incomplete, or -1 if it is not
 * HTTP/1. */
static __always_inline int sp_http_status(struct sp_http_answer *a, const struct sp_bytes *bytes, __u32 at, __u32 end)
{
	__u8 wanted, c;

	for (int i = 0; i < SP_HTTP_STATUS_END; i++) {
		if (a->at >= SP_HTTP_STATUS_END || at >= end)
			break;
		if (sp_read(bytes, at, &c, 1))
			return 0;
		at++;
		wanted = sp_http_word(SP_WORD_ANSWER, a->at);
		if (wanted == '0' ? !sp_is_digit(c) : c != wanted) {
			a->at = SP_HTTP_STATUS_END + 1;
			return -1;
		}
		if (a->at >= SP_HTTP_STATUS_AT)
			a->status = a->status * 10 + (c - '0');
		a->at++;
	}
	return a->at < SP_HTTP_STATUS_END ? 0 : a->at == SP_HTTP_STATUS_END ? a->status : -1;
}

#endif
