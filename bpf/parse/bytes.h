/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What a parser may do: read bytes at an offset, and loop. In the kernel the bytes are a packet's; in user
 * space (the fuzzer) a buffer's. Parsers include nothing else, so one source serves both. */
#ifndef SALLYPORT_PARSE_BYTES_H
#define SALLYPORT_PARSE_BYTES_H

#ifdef __bpf__
#include "../wire/core_fixes.h"
#elif !defined(SALLYPORT_STAND_IN_H)
#error "User space includes native/stand_in.h before the parsers."
#endif
#include "../wire/verifier.h"

#define SP_WINDOW 512

/* A piece of a packet, copied at once: a helper's call costs more than reading a field. */
struct sp_window {
	__u32 at, end; /* which bytes of the packet it holds */
	__u8 bytes[SP_WINDOW];
};

/* Where a parser is, and what it found. In memory, not on the stack: the verifier would follow each value that a step may leave. */
struct sp_cursor {
	__u32 at; /* behind what has been read */
	__u32 end; /* of what may be read now: of a record, say */
	__u32 limit; /* of all that is at hand */
	__u32 scan_until; /* of what is gone through byte by byte */
	__u32 result, hello;
};

struct sp_bytes {
	struct __sk_buff *packet; /* NULL: the bytes are in memory */
	__u64 memory; /* a plain number (sp_untyped): the verifier need not follow where in it a parser reads */
	__u32 end; /* offset behind the last byte that may be read */
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
/* Eight bytes at any address by one instruction. clang would load them one by one: BPF must not assume that the machine can. The
 * machines that this runs on can. */
static __always_inline __u64 sp_load64(const __u8 *from)
{
	return *(const __u64 *)from;
}

static __always_inline void sp_store64(__u8 *to, __u64 word)
{
	*(__u64 *)to = word;
}
#endif

/* An address as a plain number: see struct sp_bytes. */
static __always_inline __u64 sp_address_of(const void *memory)
{
	return (__u64)(unsigned long)sp_untyped(memory);
}

/* Make the window begin at `at`. */
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

/* A few bytes out of the window; -1 if they are not in it. Without a window, sp_read(). */
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
