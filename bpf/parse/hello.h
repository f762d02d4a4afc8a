/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A ClientHello (RFC 8446 4.1.2) without its records, read in order in pieces of any size. Its name is the one in
 * server_name (RFC 6066 3). Pure functions over bytes. */
#ifndef SALLYPORT_PARSE_HELLO_H
#define SALLYPORT_PARSE_HELLO_H

#include "hello_types.h"
#include "hello_window.h"

/* Expects `skip` bytes, then a field of `want` bytes. A message that is too short for both ends here. */
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

/* Expects `skip` more bytes of this extension, then the next extension. */
static __always_inline void sp_hello_next_extension(struct sp_hello_reader *h, __u32 skip)
{
	if (h->extensions_left < SP_EXTENSION_HEAD) {
		sp_hello_end(h);
		return;
	}
	h->extensions_left -= SP_EXTENSION_HEAD;
	sp_hello_next(h, skip, SP_AT_EXTENSION, SP_EXTENSION_HEAD);
}

static __always_inline void sp_hello_next_name(struct sp_hello_reader *h, __u32 skip)
{
	__u32 left = h->extension_left;

	if (left < SP_SERVER_NAME_HEAD) {
		h->extension_left = 0;
		sp_hello_next_extension(h, skip + left);
		return;
	}
	h->extension_left = left - SP_SERVER_NAME_HEAD;
	sp_hello_next(h, skip, SP_AT_NAME, SP_SERVER_NAME_HEAD);
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
		/* RFC 8446 4.2: each extension occurs once. Servers differ in which of two they use. */
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
	if (h->field[0] != 0) { /* host_name is the only defined type */
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
	h->left -= h->name_left; /* sp_hello_next checks the bytes after the name */
	sp_hello_next_name(h, 0);
	h->left += h->name_left;
}

/* Handles a complete field. */
static __always_inline enum sp_hello_result sp_hello_act(struct sp_hello_reader *h, struct sp_text *text)
{
	switch (h->stage) {
	case SP_AT_TYPE: /* byte by byte, so that other messages end at the same byte however they are split */
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
		sp_hello_next(h, SP_HELLO_FIXED, SP_AT_SESSION, 1);
		break;
	case SP_AT_SESSION:
		sp_hello_next(h, h->field[0], SP_AT_CIPHERS, 2);
		break;
	case SP_AT_CIPHERS:
		sp_hello_next(h, sp_be16(h->field), SP_AT_COMPRESSION, 1);
		break;
	case SP_AT_COMPRESSION:
		if (h->field[0] == h->left) /* no extensions: some clients of TLS 1.0 */
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
	case SP_AT_NAMES: /* length of server_name_list, redundant with that of the extension */
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
		sp_read(&w->bytes, w->cursor->at, text->name, sp_bounded(count, SP_NAME_MAX));
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

/* Skips what is to be skipped, then reads one field, or as much of both as is available. Returns the result, and leaves
 * cursor.at after the last byte that was read. */
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
