/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Constructs that exist for the verifier or for clang, by name. Each entry says which kernel or compiler needs it and
 * what fails without it. Debian 12 builds with clang 14, and the oldest supported kernel is 6.1.
 *
 * Rules that shape the code elsewhere and have no macro:
 *   global functions  A `__noinline` function without `static` is verified once, by itself, for all arguments. If the
 *                     decision and the readers were inlined, their paths would exceed the limit of a million
 *                     instructions. A global function checks its pointers for NULL. It cannot take a pointer into an
 *                     inner map, so it looks the row up again.
 *   frames            The call chain has at most eight frames of together 512 bytes. Linux 6.1 rounds each frame up to
 *                     32 bytes. Large state lives in struct sp_scratch, and some functions are inlined to save a frame.
 *   state in memory   A value on the stack is tracked exactly, so a loop is verified once for each value. State in a
 *                     map or in struct sp_cursor is not tracked.
 *   constant tables   `const` without `static`: clang 14 puts short strings and copied initializers into sections
 *                     .rodata.cst* and .rodata.str*, which the BTF check of Linux 6.1 refuses.
 *   map keys          Before Linux 6.2 map helpers take keys and values only from the stack and from maps. See
 *                     sp_scratch_as_map_value() in decide/scratch.h. */
#ifndef SALLYPORT_WIRE_VERIFIER_H
#define SALLYPORT_WIRE_VERIFIER_H

#include <linux/types.h>

/* Optimization barriers for one number, on all kernels since 6.1:
 * - clang keeps a mask or a check that it considers redundant. The verifier knows less than clang and needs it. Before
 *   Linux 6.10 it knows nothing about the OR of two registers.
 * - An expression without a branch stays without one. The verifier follows both sides of each branch. */
static __always_inline __u32 sp_opaque(__u32 number)
{
	asm volatile("" : "+r"(number));
	return number;
}

static __always_inline __u64 sp_opaque64(__u64 number)
{
	asm volatile("" : "+r"(number));
	return number;
}

/* Reads a variable again instead of using its register. After branches the verifier knows the register exactly and
 * verifies the following code once for each value. On Linux 6.1 a tree search then exceeds the limit. */
#define sp_reload(memory) (*(const volatile typeof(memory) *)&(memory))

/* Keeps the order of stores before and after it. Without it clang 14 holds many words at once and exceeds the 512 bytes
 * of stack. */
#define sp_barrier() asm volatile("" ::: "memory")

/* The same, and the numbers are computed before the code that follows. */
#define sp_barrier_on(a) asm volatile("" : "+r"(a) : : "memory")
#define sp_barrier_on2(a, b) asm volatile("" : "+r"(a), "+r"(b) : : "memory")

/* A length from 1 to `size`, a power of two, in a form that proves the range. Before Linux 6.8 the verifier does not
 * conclude from `count != 0` that an unsigned count is at least 1, and refuses the helper call ("invalid zero-sized
 * read"). */
#define sp_bounded(count, size) ((((count)-1) & ((size)-1)) + 1)

/* The verdict that a global function returned. The verifier knows nothing about the result of a global function, and a
 * cgroup program must return 0 or 1. */
#define sp_verdict_bit(verdict) (1 & (verdict))

/* Stores 0. clang 14 has no atomic store for BPF. */
#define sp_atomic_clear(number) __sync_fetch_and_and(number, 0)

/* Returns the number of the lowest bit set: the population count of the bits below it. clang 14 cannot expand
 * __builtin_ctzll for BPF. */
static __always_inline __u32 sp_first_bit(__u64 word)
{
	__u64 below = (word & -word) - 1;

	below -= below >> 1 & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return below * 0x0101010101010101ULL >> 56;
}

#endif
