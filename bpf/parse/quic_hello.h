/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The ClientHello in the CRYPTO frames of Initial packets (RFC 9000 19.6), in any order and any pieces. Pure functions
 * over memory. */
#ifndef SALLYPORT_PARSE_QUIC_HELLO_H
#define SALLYPORT_PARSE_QUIC_HELLO_H

#include "hello.h"
#include "quic.h"

#define SP_QUIC_STREAM_MAX 8192 /* CRYPTO data of a connection [bytes]; a power of two */
#define SP_QUIC_FRAMES_MAX 4096 /* each step reads at least a byte */
#define SP_QUIC_HELLO_STEPS 1024

enum sp_quic_frame {
	SP_FRAME_PADDING = 0,
	SP_FRAME_PING = 1,
	SP_FRAME_ACK = 2,
	SP_FRAME_ACK_ECN = 3,
	SP_FRAME_CRYPTO = 6,
	SP_FRAME_GOOGLE_CRYPTO = 8,
	SP_FRAME_CLOSE = 0x1c,
	SP_FRAME_CLOSE_APPLICATION = 0x1d,
};

enum sp_quic_result {
	SP_QUIC_CUT, /* incomplete: continues in another frame */
	SP_QUIC_HELLO, /* one is complete; another may follow */
	SP_QUIC_READ, /* nothing is incomplete */
	/* malformed frames, CRYPTO data that contradicts earlier data or is too long, or another message */
	SP_QUIC_UNREADABLE,
};

/* CRYPTO data of one connection so far. All zero: none. */
struct sp_quic_stream {
	__u32 contiguous; /* bytes from the beginning without a gap */
	/* offset of the current message: after HelloRetryRequest a second ClientHello follows the first */
	__u32 message;
	__u32 highest; /* after the last known byte */
	__u32 broken;
	struct sp_hello_reader hello;
	struct sp_cursor cursor; /* of the ClientHello in `data` */
	__u8 known[SP_QUIC_STREAM_MAX / 8]; /* one bit for each byte */
	__u8 data[SP_QUIC_STREAM_MAX + 8];
};

struct sp_quic_frames {
	struct sp_quic_work *w;
	struct sp_quic_stream *stream;
	__u32 done;
};

/* Returns a byte of ones for each bit. */
static __always_inline __u64 sp_spread_bits(__u8 bits)
{
	__u64 spread = bits * 0x0101010101010101ULL & 0x8040201008040201ULL;

	return (((spread + 0x7f7f7f7f7f7f7f7fULL) & 0x8080808080808080ULL) >> 7) * 0xff;
}

/* Stores eight bytes, aligned in the stream. */
static long sp_quic_store_step(__u32 i, void *state)
{
	struct sp_quic_frames *f = state;
	struct sp_quic_work *w = f->w;
	struct sp_quic_stream *s = f->stream;
	__u32 from = w->crypto_at, to = from + (__u32)w->crypto_length, group = (from >> 3) + i, at = group * 8;
	__u64 added, mask, old;
	__u8 bits = 0xff, known;

	if (at >= to)
		return 1;
	if (at < from)
		bits = 0xff << ((from - at) & 7);
	if (to - at < 8)
		bits &= 0xff >> ((8 - (to - at)) & 7);
	group &= SP_QUIC_STREAM_MAX / 8 - 1;
	known = s->known[group];
	added = sp_quic_word(w, w->at + at - from);
	old = sp_load64(s->data + group * 8);
	if ((old ^ added) & sp_spread_bits(known & bits))
		s->broken = 1;
	mask = sp_spread_bits(bits);
	sp_store64(s->data + group * 8, (old & ~mask) | (added & mask));
	s->known[group] = known | bits;
	return 0;
}

static long sp_quic_contiguous_step(__u32 i, void *state)
{
	struct sp_quic_stream *s = *(struct sp_quic_stream **)state;
	__u32 group = s->contiguous / 8;
	__u8 known;

	(void)i;
	if (group >= SP_QUIC_STREAM_MAX / 8)
		return 1;
	known = s->known[group & (SP_QUIC_STREAM_MAX / 8 - 1)];
	if (known == 0xff) {
		s->contiguous = group * 8 + 8;
		return 0;
	}
	known = ~known;
	known = (known & -known) - 1; /* the ones below the first zero */
	known -= known >> 1 & 0x55;
	known = (known & 0x33) + (known >> 2 & 0x33);
	s->contiguous = group * 8 + (((known >> 4) + known) & 0xf);
	return 1;
}

/* Stores the data of the current CRYPTO frame. */
__noinline int sp_quic_store(struct sp_quic_work *w, struct sp_quic_stream *stream)
{
	struct sp_quic_frames f = {.w = w, .stream = stream};
	__u64 to;

	if (!w || !stream)
		return -1;
	to = w->crypto_at + w->crypto_length;
	if (w->crypto_at > SP_QUIC_STREAM_MAX || to > SP_QUIC_STREAM_MAX)
		return -1;
	bpf_loop(SP_QUIC_STREAM_MAX / 8, sp_quic_store_step, &f, 0);
	if (to > stream->highest)
		stream->highest = to;
	bpf_loop(SP_QUIC_STREAM_MAX / 8, sp_quic_contiguous_step, &stream, 0);
	return stream->broken ? -1 : 0;
}

static __always_inline int sp_quic_skip(struct sp_quic_work *w, __u64 count)
{
	if (count > w->end - w->at)
		return -1;
	w->at += count;
	return 0;
}

/* Reads a frame. Returns 0, or -1 if it is malformed or not allowed in Initial packets (RFC 9000 12.4). */
static __always_inline int sp_quic_frame(struct sp_quic_work *w, struct sp_quic_stream *stream)
{
	__u32 end = w->end;
	__u64 type;

	if (w->numbers > 0) {
		w->numbers--;
		return sp_quic_number(w, end);
	}
	if (sp_quic_number(w, end))
		return -1;
	type = w->number;
	if (type == SP_FRAME_GOOGLE_CRYPTO && sp_quic_is_google(w->version))
		type = SP_FRAME_CRYPTO;
	switch (type) {
	case SP_FRAME_PADDING:
	case SP_FRAME_PING:
		return 0;
	case SP_FRAME_ACK:
	case SP_FRAME_ACK_ECN:
		/* largest acknowledged, delay, number of ranges */
		if (sp_quic_number(w, end) || sp_quic_number(w, end) || sp_quic_number(w, end) ||
		    w->number > SP_QUIC_PACKET_MAX)
			return -1;
		w->numbers = 1 + 2 * (__u32)w->number + (type == SP_FRAME_ACK_ECN ? 3 : 0);
		return 0;
	case SP_FRAME_CRYPTO:
		if (sp_quic_number(w, end))
			return -1;
		w->crypto_at = w->number;
		if (sp_quic_number(w, end) || w->number > end - w->at)
			return -1;
		w->crypto_length = w->number;
		if (sp_quic_store(w, stream))
			return -1;
		w->at += w->crypto_length;
		return 0;
	case SP_FRAME_CLOSE:
		if (sp_quic_number(w, end)) /* error code; the type of the frame follows */
			return -1;
		/* fallthrough */
	case SP_FRAME_CLOSE_APPLICATION:
		if (sp_quic_number(w, end) || sp_quic_number(w, end)) /* length of the reason phrase */
			return -1;
		return sp_quic_skip(w, w->number);
	default:
		return -1;
	}
}

static long sp_quic_frame_step(__u32 i, void *state)
{
	struct sp_quic_frames *f = state;
	struct sp_quic_work *w = f->w;

	(void)i;
	/* mostly padding */
#pragma unroll
	for (int j = 0; j < 8; j++)
		if (w->numbers == 0 && w->end - w->at >= 8 && sp_quic_word(w, w->at) == 0)
			w->at += 8;
	if (w->at >= w->end) {
		f->done = w->at == w->end && w->numbers == 0;
		return 1;
	}
	return sp_quic_frame(w, f->stream) != 0;
}

/* Reads the frames of the decrypted packet. Returns 0, or -1 if they are malformed. */
__noinline int sp_quic_frames(struct sp_quic_work *w, struct sp_quic_stream *stream)
{
	struct sp_quic_frames f = {.w = w, .stream = stream};

	if (!w || !stream || w->end > SP_QUIC_PACKET_MAX || w->at > w->end)
		return -1;
	w->numbers = 0;
	bpf_loop(SP_QUIC_FRAMES_MAX, sp_quic_frame_step, &f, 0);
	if (!f.done)
		stream->broken = 1;
	return f.done && !stream->broken ? 0 : -1;
}

/* Takes a step in the current ClientHello. Returns enum sp_hello_result. Global: verified once, for any state. */
__noinline int sp_quic_hello_read(struct sp_quic_stream *s, struct sp_text *text)
{
	struct sp_hello_walk walk = {.text = text};
	int result;

	if (!s || !text)
		return SP_HELLO_BROKEN;
	walk.hello = &s->hello;
	walk.bytes.memory = sp_address_of(s->data);
	walk.bytes.end = s->cursor.end;
	walk.cursor = &s->cursor;
	result = sp_hello_step(&walk);
	return result == SP_HELLO_CUT && s->cursor.at >= s->cursor.end ? SP_HELLO_BROKEN : result;
}

struct sp_quic_hello {
	struct sp_quic_stream *stream;
	struct sp_text *text;
	int result;
};

static long sp_quic_hello_step(__u32 i, void *state)
{
	struct sp_quic_hello *h = state;

	(void)i;
	h->result = sp_quic_hello_read(h->stream, h->text);
	return h->result != SP_HELLO_CUT;
}

/* Reads the next ClientHello into `text` if it is complete, and its enum sp_hello_result into `hello`. Returns enum
 * sp_quic_result. */
__noinline int sp_quic_next_hello(struct sp_quic_stream *s, struct sp_text *text, enum sp_hello_result *hello)
{
	struct sp_quic_hello h = {.stream = s, .text = text};
	__u32 at, length;

	if (!s || !text || !hello || s->broken)
		return SP_QUIC_UNREADABLE;
	at = s->message;
	if (at > 0 && s->highest <= at)
		return SP_QUIC_READ;
	if (at > SP_QUIC_STREAM_MAX - 4)
		return SP_QUIC_UNREADABLE;
	if (s->contiguous < at + 4)
		return SP_QUIC_CUT;
	length = __builtin_bswap32((__u32)sp_load64(s->data + (at & (SP_QUIC_STREAM_MAX - 1))));
	if (length >> 24 != SP_CLIENT_HELLO || (length & 0xffffff) > SP_QUIC_STREAM_MAX - 4 - at)
		return SP_QUIC_UNREADABLE;
	length = (length & 0xffffff) + 4;
	if (s->contiguous < at + length)
		return SP_QUIC_CUT;
	text->name_length = 0;
	text->flags = 0;
	__builtin_memset(&s->hello, 0, sizeof(s->hello));
	s->cursor.at = at;
	s->cursor.end = at + length;
	bpf_loop(SP_QUIC_HELLO_STEPS, sp_quic_hello_step, &h, 0);
	*hello = h.result == SP_HELLO_CUT ? SP_HELLO_BROKEN : h.result;
	s->message = at + length;
	return SP_QUIC_HELLO;
}

#endif
