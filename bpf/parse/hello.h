/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A ClientHello handshake message (RFC 8446 4.1.2), without records, read in order in pieces of any size; its name is
 * server_name's (RFC 6066 3). Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_HELLO_H
#define SALLYPORT_PARSE_HELLO_H

#include "bytes.h"
#include "../wire/reader_state.h"

#define SP_HELLO_MAX 16384 /* bytes of the message */
#define SP_HELLO_LENGTH_TOP_MAX 2 /* a length whose highest byte is over this is no hello: the fields of a hello hold less */
#define SP_CLIENT_HELLO 1
/* IANA "TLS ExtensionType Values" */
#define SP_EXTENSION_SERVER_NAME 0
#define SP_EXTENSION_EARLY_DATA 42
#define SP_EXTENSION_ECH 0xfe0d /* RFC 9849: encrypted_client_hello */

enum sp_hello_stage {
	SP_AT_TYPE = 0, SP_AT_LENGTH_HIGH, SP_AT_LENGTH, SP_AT_SESSION, SP_AT_CIPHERS, SP_AT_COMPRESSION, SP_AT_EXTENSIONS, SP_AT_EXTENSION, SP_AT_NAMES, SP_AT_NAME,
	SP_AT_END,
};

enum sp_hello_seen { SP_SEEN_SERVER_NAME = 1, SP_SEEN_NAME = 2, SP_SEEN_CONTRADICTION = 4 };

struct sp_hello_walk {
	struct sp_bytes bytes;
	struct sp_hello_reader *hello;
	struct sp_text *text;
	struct sp_cursor *cursor; /* at, end, hello */
};

/* Next: `skip` bytes, then a field of `want` bytes. A message that is too short for both ends here. */
static __always_inline void sp_hello_next(struct sp_hello_reader *h, __u32 skip, __u8 stage, __u8 want)
{
	if (skip + want > h->left) {
		h->seen |= SP_SEEN_CONTRADICTION;
		h->skip = h->left;
		h->stage = SP_AT_END;
		return;
	}
	h->skip = skip;
	h->stage = stage;
	h->want = want;
}

static __always_inline void sp_hello_end(struct sp_hello_reader *h)
{
	h->skip = h->left;
	h->stage = SP_AT_END;
}

/* `skip` more bytes of this extension, then the next one. */
static __always_inline void sp_hello_next_extension(struct sp_hello_reader *h, __u32 skip)
{
	if (h->extensions_left < 4) {
		sp_hello_end(h);
		return;
	}
	h->extensions_left -= 4;
	sp_hello_next(h, skip, SP_AT_EXTENSION, 4);
}

static __always_inline void sp_hello_next_name(struct sp_hello_reader *h, __u32 skip)
{
	__u32 left = h->extension_left;

	if (left < 3) {
		h->extension_left = 0;
		sp_hello_next_extension(h, skip + left);
		return;
	}
	h->extension_left = left - 3;
	sp_hello_next(h, skip, SP_AT_NAME, 3);
}

static __always_inline void sp_hello_extension(struct sp_hello_reader *h, struct sp_text *text)
{
	__u32 type = sp_be16(h->field), length = sp_be16(h->field + 2);

	if (length > h->extensions_left) {
		h->seen |= SP_SEEN_CONTRADICTION;
		sp_hello_end(h);
		return;
	}
	h->extensions_left -= length;
	if (type == SP_EXTENSION_ECH)
		text->flags |= SP_HELLO_ECH;
	if (type == SP_EXTENSION_EARLY_DATA)
		text->flags |= SP_HELLO_EARLY_DATA;
	if (type == SP_EXTENSION_SERVER_NAME) {
		/* RFC 8446 4.2: each extension once. Which of two a server believes is not known. */
		if (h->seen & SP_SEEN_SERVER_NAME)
			h->seen |= SP_SEEN_CONTRADICTION;
		else if (length >= 2) {
			h->seen |= SP_SEEN_SERVER_NAME;
			h->extension_left = length - 2;
			sp_hello_next(h, 0, SP_AT_NAMES, 2);
			return;
		}
		h->seen |= SP_SEEN_SERVER_NAME;
	}
	sp_hello_next_extension(h, length);
}

static __always_inline void sp_hello_name(struct sp_hello_reader *h)
{
	__u32 length = sp_be16(h->field + 1);

	if (length > h->extension_left) {
		h->seen |= SP_SEEN_CONTRADICTION;
		length = h->extension_left;
	}
	h->extension_left -= length;
	if (h->field[0] != 0) { /* host_name is the only type there is */
		sp_hello_next_name(h, length);
		return;
	}
	if (h->seen & SP_SEEN_NAME) {
		h->seen |= SP_SEEN_CONTRADICTION;
		sp_hello_next_name(h, length);
		return;
	}
	h->seen |= SP_SEEN_NAME;
	h->name_left = length;
	if (length > h->left) {
		h->seen |= SP_SEEN_CONTRADICTION;
		h->name_left = h->left;
	}
	h->left -= h->name_left; /* sp_hello_next asks what is left behind the name */
	sp_hello_next_name(h, 0);
	h->left += h->name_left;
}

/* The field at hand is whole. */
static __always_inline enum sp_hello_result sp_hello_act(struct sp_hello_reader *h, struct sp_text *text)
{
	switch (h->stage) {
	case SP_AT_TYPE: /* byte by byte: what is no hello ends at the same place, however it was cut */
		if (h->field[0] != SP_CLIENT_HELLO)
			return SP_HELLO_NONE;
		h->stage = SP_AT_LENGTH_HIGH;
		break;
	case SP_AT_LENGTH_HIGH:
		if (h->field[0] > SP_HELLO_LENGTH_TOP_MAX)
			return SP_HELLO_NONE;
		h->left = h->field[0] << 16;
		h->stage = SP_AT_LENGTH;
		h->want = 2;
		break;
	case SP_AT_LENGTH:
		h->left |= sp_be16(h->field);
		if (h->left > SP_HELLO_MAX)
			return SP_HELLO_BROKEN;
		sp_hello_next(h, 2 + 32, SP_AT_SESSION, 1); /* legacy_version, random */
		break;
	case SP_AT_SESSION:
		sp_hello_next(h, h->field[0], SP_AT_CIPHERS, 2);
		break;
	case SP_AT_CIPHERS:
		sp_hello_next(h, sp_be16(h->field), SP_AT_COMPRESSION, 1);
		break;
	case SP_AT_COMPRESSION:
		if (h->field[0] == h->left) /* no extensions: some hellos of TLS 1.0 */
			sp_hello_end(h);
		else
			sp_hello_next(h, h->field[0], SP_AT_EXTENSIONS, 2);
		break;
	case SP_AT_EXTENSIONS:
		h->extensions_left = sp_be16(h->field);
		if (h->extensions_left > h->left)
			h->extensions_left = h->left;
		sp_hello_next_extension(h, 0);
		break;
	case SP_AT_EXTENSION:
		sp_hello_extension(h, text);
		break;
	case SP_AT_NAMES: /* server_name_list's length: the extension's says the same */
		sp_hello_next_name(h, 0);
		break;
	default:
		sp_hello_name(h);
	}
	return SP_HELLO_CUT;
}

static __always_inline __u32 sp_hello_take_name(struct sp_hello_walk *w, __u32 count)
{
	struct sp_hello_reader *h = w->hello;
	struct sp_text *text = w->text;

	if (count > h->name_left)
		count = h->name_left;
	if (text->name_length == 0 && count <= SP_NAME_MAX) {
		sp_read(&w->bytes, w->cursor->at, text->name, ((count - 1) & (SP_NAME_MAX - 1)) + 1);
	} else { /* in pieces, or longer than any name */
		count = 1;
		if (text->name_length < SP_NAME_MAX)
			sp_read(&w->bytes, w->cursor->at, text->name + (text->name_length & (SP_NAME_MAX - 1)), 1);
	}
	text->name_length += count;
	h->name_left -= count;
	return count;
}

static __always_inline __u32 sp_hello_take_field(struct sp_hello_walk *w, __u32 count)
{
	struct sp_hello_reader *h = w->hello;
	if (count >= 4 && h->have == 0) {
		if (sp_peek(&w->bytes, w->cursor->at, h->field, 4))
			sp_read(&w->bytes, w->cursor->at, h->field, 4);
		count = h->want;
	} else {
		sp_read(&w->bytes, w->cursor->at, h->field + (h->have & 3), 1);
		count = 1;
	}
	h->have += count;
	return count;
}

static __always_inline __u8 sp_window_byte(const struct sp_window *window, __u32 at)
{
	return window->bytes[at & (SP_WINDOW - 1)];
}

static __always_inline __u32 sp_window_be16(const struct sp_window *window, __u32 at)
{
	return (__u32)sp_window_byte(window, at) << 8 | sp_window_byte(window, at + 1);
}

/* Everything before the extensions at once, if it lies whole in the window from `from` to `end` and is as it should be. Returns where the
 * extensions begin, or `from`. (Global: the verifier follows it once.) */
__noinline int sp_hello_read_fixed(struct sp_hello_reader *h, const struct sp_window *window, __u32 from, __u32 end)
{
	__u32 at = from, left, taken, extensions;

	if (!h || !window || at + 4 + 2 + 32 >= end)
		return from;
	left = (__u32)sp_window_byte(window, at + 1) << 16 | sp_window_be16(window, at + 2);
	if (sp_window_byte(window, at) != SP_CLIENT_HELLO || left > SP_HELLO_MAX)
		return from;
	at += 4 + 2 + 32;
	at += 1 + sp_window_byte(window, at); /* session */
	if (at + 2 > end)
		return from;
	at += 2 + sp_window_be16(window, at); /* ciphers */
	if (at >= end)
		return from;
	at += 1 + sp_window_byte(window, at); /* compression */
	if (at + 2 > end)
		return from;
	extensions = sp_window_be16(window, at);
	taken = at + 2 - from - 4;
	if (extensions < 4 || taken + extensions > left)
		return from;
	h->left = left - taken;
	h->extensions_left = extensions - 4;
	h->stage = SP_AT_EXTENSION;
	h->want = 4;
	return at + 2;
}

#define SP_SKIP_EXTENSIONS_MAX 16 /* extensions a step */

/* The extensions of no interest, as long as each header lies whole in the window: most of a hello. Returns where it stopped. */
__noinline int sp_hello_skip_extensions(struct sp_hello_reader *h, const struct sp_window *window, __u32 from, __u32 end)
{
	__u32 at = from;

	if (!h || !window)
		return from;
	for (int i = 0; i < SP_SKIP_EXTENSIONS_MAX; i++) {
		__u32 skip = h->skip, type, length;

		if (skip + 4 > end - at)
			break;
		type = sp_window_be16(window, at + skip);
		length = sp_window_be16(window, at + skip + 2);
		if (type == SP_EXTENSION_SERVER_NAME || type == SP_EXTENSION_ECH || type == SP_EXTENSION_EARLY_DATA ||
		    length + 4 > h->extensions_left || skip + length + 8 > h->left)
			break;
		at += skip + 4;
		h->left -= skip + 4;
		h->extensions_left -= length + 4;
		h->skip = length;
	}
	return at;
}

/* What can be read out of the window at once. */
static __always_inline void sp_hello_read_window(struct sp_hello_walk *w)
{
	struct sp_hello_reader *h = w->hello;
	struct sp_window *window = w->bytes.window;
	__u32 from, end;

	if (!window || w->cursor->at < window->at || w->cursor->at >= window->end || h->have || h->name_left)
		return;
	from = w->cursor->at - window->at;
	end = (w->cursor->end < window->end ? w->cursor->end : window->end) - window->at;
	if (h->stage == SP_AT_TYPE)
		w->cursor->at = window->at + sp_hello_read_fixed(h, window, from, end);
	else if (h->stage == SP_AT_EXTENSION)
		w->cursor->at = window->at + sp_hello_skip_extensions(h, window, from, end);
}

/* Read on: what is to be skipped, then one field, or what there is of them. Returns what came of it; place.at is behind what was read. */
static __always_inline enum sp_hello_result sp_hello_step(struct sp_hello_walk *w)
{
	struct sp_hello_reader *h = w->hello;
	enum sp_hello_result result;
	bool counted;
	__u32 count;

	if (h->stage == SP_AT_TYPE)
		h->want = 1;
	sp_hello_read_window(w);
	counted = h->stage > SP_AT_LENGTH;
	count = w->cursor->end - w->cursor->at;
	if (w->cursor->at >= w->cursor->end)
		return SP_HELLO_CUT;
	if (h->name_left > 0) {
		count = sp_hello_take_name(w, count);
	} else {
		__u32 skipped = count < h->skip ? count : h->skip;

		h->skip -= skipped;
		w->cursor->at += skipped;
		count -= skipped;
		if (counted)
			h->left -= skipped;
		if (count > 0 && h->stage != SP_AT_END)
			count = sp_hello_take_field(w, count);
		else
			count = 0;
	}
	w->cursor->at += count;
	if (counted)
		h->left -= count;
	if (h->have == h->want) {
		h->have = 0;
		result = sp_hello_act(h, w->text);
		if (result != SP_HELLO_CUT)
			return result;
	}
	if (h->stage != SP_AT_END || h->skip > 0 || h->name_left > 0)
		return SP_HELLO_CUT;
	if (h->seen & SP_SEEN_CONTRADICTION)
		return SP_HELLO_BROKEN;
	return h->seen & SP_SEEN_NAME ? SP_HELLO_NAMED : SP_HELLO_UNNAMED;
}

#endif
