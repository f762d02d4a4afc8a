/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Access to the bytes that a parser reads: a packet or memory in the kernel, a buffer in user space
 * (native/parsers/stand_in.h). Parsers use nothing else of their environment, so one source serves both. */
#ifndef SALLYPORT_PARSE_BYTES_H
#define SALLYPORT_PARSE_BYTES_H

#ifdef __bpf__
#include "../wire/core_fixes.h"
#elif !defined(SALLYPORT_STAND_IN_H)
#error "User space includes native/parsers/stand_in.h before the parsers."
#endif
#include "../wire/verifier.h"

#define SP_WINDOW 512

/* A copy of a piece of the packet. A helper call costs more than reading a field. */
struct sp_window {
	__u32 at, end; /* range of the packet */
	__u8 bytes[SP_WINDOW];
};

/* Position of a parser, and its result. In memory rather than on the stack, where the verifier would track each
 * value. */
struct sp_cursor {
	__u32 at; /* after the last byte that was read */
	__u32 end; /* end of the range that may be read now, such as a record */
	__u32 limit; /* end of the available bytes */
	__u32 scan_at, scan_end; /* range that is searched for a ClientHello */
	__u32 own; /* offset of a record that is read anyway */
	__u32 searched; /* the bytes that are read are also searched */
	__u32 beside; /* the search is beside another reader, and goes on after a ClientHello */
	__u32 result, hello;
};

struct sp_bytes {
	struct __sk_buff *packet; /* NULL: the bytes are in memory */
	__u64 memory; /* an address without type (sp_untyped), which the verifier does not track */
	__u32 end; /* offset after the last readable byte */
	struct sp_window *window; /* NULL: none */
};

static __always_inline int sp_read(const struct sp_bytes *bytes, __u32 at, void *to, __u32 count)
{
	if (at > bytes->end || count > bytes->end - at)
		return -1;
	if (bytes->packet)
		return bpf_skb_load_bytes(bytes->packet, at, to, count);
	return bpf_probe_read_kernel(to, count, (const void *)(unsigned long)(bytes->memory + at));
}

#ifdef __bpf__
/* Loads eight bytes at any address with one instruction. clang would load single bytes, because BPF does not promise
 * unaligned access. x86-64 and arm64 have it. */
static __always_inline __u64 sp_load64(const __u8 *from)
{
	return *(const __u64 *)from;
}

static __always_inline void sp_store64(__u8 *to, __u64 word)
{
	*(__u64 *)to = word;
}
#endif

/* Returns an address without type: see struct sp_bytes. */
static __always_inline __u64 sp_address_of(const void *memory)
{
	return (__u64)(unsigned long)sp_untyped(memory);
}

/* Moves the window to `at`. Returns 0, or -1 if no byte is there. */
static __always_inline int sp_open_window(const struct sp_bytes *bytes, __u32 at)
{
	__u32 count = at < bytes->end ? bytes->end - at : 0;

	if (count > SP_WINDOW)
		count = SP_WINDOW;
	bytes->window->at = bytes->window->end = at;
	if (count == 0 || sp_read(bytes, at, bytes->window->bytes, sp_bounded(count, SP_WINDOW)))
		return -1;
	bytes->window->end = at + count;
	return 0;
}

/* Copies a few bytes from the window. Returns 0, or -1 if they are not in it. Without a window it reads them. */
static __always_inline int sp_peek(const struct sp_bytes *bytes, __u32 at, __u8 *to, __u32 count)
{
	if (!bytes->window)
		return sp_read(bytes, at, to, count);
	if (at < bytes->window->at || at + count > bytes->window->end)
		return -1;
	for (__u32 i = 0; i < count; i++)
		to[i] = bytes->window->bytes[(at - bytes->window->at + i) & (SP_WINDOW - 1)];
	return 0;
}

static __always_inline __u16 sp_be16(const __u8 *at)
{
	return (__u16)at[0] << 8 | at[1];
}

static __always_inline __u32 sp_be32(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

#endif
