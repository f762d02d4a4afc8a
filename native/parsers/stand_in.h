/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The parts of the kernel that bpf/parse/ uses, for user space: a packet is a buffer, and helpers are plain C. User
 * space includes this before any header of bpf/; the programs never do. */
#ifndef SALLYPORT_STAND_IN_H
#define SALLYPORT_STAND_IN_H

#ifdef __bpf__
#error "The programs use the kernel's own helpers."
#endif

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline static __attribute__((noinline, unused))
#endif

struct __sk_buff {
	const __u8 *bytes;
	__u32 len;
};

static inline long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 at, void *to, __u32 count)
{
	if (at > skb->len || count > skb->len - at)
		return -1;
	memcpy(to, skb->bytes + at, count);
	return 0;
}

static inline long bpf_probe_read_kernel(void *to, __u32 count, const void *from)
{
	memcpy(to, from, count);
	return 0;
}

/* Fuzzers count steps: they define bpf_loop before they include this header. */
static inline long sp_plain_loop(__u32 times, long (*step)(__u32, void *), void *state)
{
	__u32 i = 0;

	while (i < times && !step(i++, state))
		;
	return i;
}

#ifndef bpf_loop
#define bpf_loop(times, step, state, flags) sp_plain_loop(times, step, state)
#endif

static inline void *sp_untyped(const void *typed)
{
	return (void *)typed;
}

static inline __u64 sp_load64(const __u8 *from)
{
	__u64 word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline void sp_store64(__u8 *to, __u64 word)
{
	memcpy(to, &word, sizeof(word));
}

#endif
