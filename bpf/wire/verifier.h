/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
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
 *                     .rodata.cst* and .rodata.str*, which the BTF check of the kernel refuses.
 *   map keys          Before Linux 6.2 map helpers take keys and values only from the stack and from maps. See
 *                     sp_scratch_as_map_value() in decide/scratch.h. */
#ifndef SALLYPORT_WIRE_VERIFIER_H
#define SALLYPORT_WIRE_VERIFIER_H

#include <linux/types.h>

/* Hides a number from clang, so that it keeps a mask or a check that it considers redundant. The verifier knows less
 * than clang and needs it: Linux 6.1 forgets the bound of a number that was spilled before the comparison, and before
 * 6.10 nothing is known about the OR of two registers. Without it 6.1 refuses each program that decides ("unbounded
 * memory access"). */
static __always_inline __u32 sp_opaque(__u32 number)
{
	asm volatile("" : "+r"(number));
	return number;
}

/* The same for 64 bits, mostly to keep an expression free of branches: the verifier follows both sides of each. Without
 * it Linux 6.1 verifies 30 times as many instructions, 985,379 of at most a million in `egress`, and Linux 6.18 three
 * times as many. */
static __always_inline __u64 sp_opaque64(__u64 number)
{
	asm volatile("" : "+r"(number));
	return number;
}

/* Computes two numbers before the code that follows, which keeps the order of stores. Without it clang 14 interleaves
 * the rounds of a hash, holds more words than there are registers, and reports that the stack of 512 bytes is
 * exceeded. */
#define sp_barrier(a, b) asm volatile("" : "+r"(a), "+r"(b) : : "memory")

/* A length from 1 to `size`, a power of two, in a form that proves the range. Without it all kernels refuse the helper
 * call ("invalid zero-sized read"). A check for 0 is enough only since Linux 6.8. */
#define sp_bounded(count, size) ((((count)-1) & ((size)-1)) + 1)

/* The verdict that a global function returned. On all kernels the verifier knows nothing about the result of a global
 * function, and refuses a cgroup program that may return anything but a verdict ("At program exit the register R0
 * ..."). */
#define sp_verdict_bit(verdict) (1 & (verdict))

/* Stores 0. clang 14 cannot compile an atomic store for BPF ("Cannot select: AtomicStore"). */
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
