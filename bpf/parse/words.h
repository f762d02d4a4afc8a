/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Eight bytes at any address. For BPF clang would load them one by one, though the machines we run on need not. */
#ifndef SALLYPORT_PARSE_WORDS_H
#define SALLYPORT_PARSE_WORDS_H

#include "bytes.h"

#ifdef __bpf__
static __always_inline __u64 sp_load64(const __u8 *from)
{
	return *(const __u64 *)from;
}

static __always_inline void sp_store64(__u8 *to, __u64 word)
{
	*(__u64 *)to = word;
}

/* As a plain number: see struct sp_bytes. */
static __always_inline __u64 sp_address_of(const void *memory)
{
	return (__u64)sp_untyped(memory);
}
#else
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

static inline __u64 sp_address_of(const void *memory)
{
	return (__u64)(unsigned long)memory;
}
#endif

#endif
