/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The fast path: parts of a ClientHello that lie completely in a window. hello.h reads everything else field by
 * field. */
#ifndef SALLYPORT_PARSE_HELLO_WINDOW_H
#define SALLYPORT_PARSE_HELLO_WINDOW_H

#include "hello_types.h"

static __always_inline __u8 sp_window_byte(const struct sp_window *window, __u32 at)
{
	return window->bytes[at & (SP_WINDOW - 1)];
}

static __always_inline __u32 sp_window_be16(const struct sp_window *window, __u32 at)
{
	return (__u32)sp_window_byte(window, at) << 8 | sp_window_byte(window, at + 1);
}

/* Reads everything before the extensions, if it lies completely between `from` and `end` and is well-formed. Returns
 * the offset of the first extension, or `from`. Global: verified once. */
__noinline int sp_hello_read_fixed(struct sp_hello_reader *h, const struct sp_window *window, __u32 from, __u32 end)
{
	__u32 at = from, left, taken, extensions;

	if (!h || !window || at + SP_HELLO_HEAD + SP_HELLO_FIXED >= end)
		return from;
	left = (__u32)sp_window_byte(window, at + 1) << 16 | sp_window_be16(window, at + 2);
	if (sp_window_byte(window, at) != SP_CLIENT_HELLO || left > SP_HELLO_MAX)
		return from;
	at += SP_HELLO_HEAD + SP_HELLO_FIXED;
	at += 1 + sp_window_byte(window, at); /* legacy_session_id */
	if (at + 2 > end)
		return from;
	at += 2 + sp_window_be16(window, at); /* cipher_suites */
	if (at >= end)
		return from;
	at += 1 + sp_window_byte(window, at); /* legacy_compression_methods */
	if (at + 2 > end)
		return from;
	extensions = sp_window_be16(window, at);
	taken = at + 2 - from - SP_HELLO_HEAD;
	if (extensions < SP_EXTENSION_HEAD || taken + extensions > left)
		return from;
	h->left = left - taken;
	h->extensions_left = extensions - SP_EXTENSION_HEAD;
	h->stage = SP_AT_EXTENSION;
	h->want = SP_EXTENSION_HEAD;
	return at + 2;
}

#define SP_SKIP_EXTENSIONS_MAX 16 /* extensions in one step */

/* Skips irrelevant extensions while each header lies completely in the window: most of a ClientHello. Returns the
 * offset of the first byte that it did not read. */
__noinline int sp_hello_skip_extensions(struct sp_hello_reader *h, const struct sp_window *window, __u32 from,
					__u32 end)
{
	__u32 at = from;

	if (!h || !window)
		return from;
	for (int i = 0; i < SP_SKIP_EXTENSIONS_MAX; i++) {
		__u32 skip = h->skip, type, length;

		if (skip + SP_EXTENSION_HEAD > end - at)
			break;
		type = sp_window_be16(window, at + skip);
		length = sp_window_be16(window, at + skip + 2);
		if (type == SP_EXTENSION_SERVER_NAME || type == SP_EXTENSION_ECH || type == SP_EXTENSION_EARLY_DATA ||
		    length + SP_EXTENSION_HEAD > h->extensions_left || skip + length + 2 * SP_EXTENSION_HEAD > h->left)
			break;
		at += skip + SP_EXTENSION_HEAD;
		h->left -= skip + SP_EXTENSION_HEAD;
		h->extensions_left -= length + SP_EXTENSION_HEAD;
		h->skip = length;
	}
	return at;
}

/* Reads as much as possible from the window. */
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

#endif
