/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Everything that is written for the verifier or for clang rather than for the reader, by name. Each entry says which kernel or
 * compiler needs it and how the object fails without it. Debian 12 builds with clang 14; the oldest kernel is 6.1.
 *
 * Rules that shape code elsewhere and have no macro:
 *   global functions   `__noinline int f()` without `static` is verified once, by itself, for all values of its arguments. Inlined,
 *                      the paths of the decision and of the readers multiply beyond the limit of a million instructions. A global
 *                      function must check its pointers for NULL and cannot be handed a pointer into a map of maps.
 *   frames             At most eight, of 512 bytes together; Linux 6.1 rounds each up to 32 bytes. Large state lies in struct
 *                      sp_scratch, and some functions are inlined only to save a frame.
 *   state in memory    A value on the stack is tracked exactly, so a loop is followed once for each value. State in a map or in
 *                      struct sp_cursor is not tracked.
 *   constant tables    `const` without `static`, or explicitly in .rodata: clang 14 puts short strings and copied initializers into
 *                      .rodata.cst* and .rodata.str* sections, which the BTF check of Linux 6.1 refuses.
 *   keys and values    See sp_scratch_as_map_value() in decide/scratch.h. */
#ifndef SALLYPORT_WIRE_VERIFIER_H
#define SALLYPORT_WIRE_VERIFIER_H

#include <linux/types.h>

/* Optimization barrier for one number. It has two uses, on all kernels from 6.1 on:
 * - a mask or a check that clang considers redundant is kept, and the verifier, which knows less than clang, needs it. Before
 *   Linux 6.10 the verifier knows nothing about the OR of two registers;
 * - an expression without a branch stays without one. The verifier would follow each branch. */
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

/* Reads a variable again instead of reusing a register. After branches the verifier knows a register too exactly and follows the
 * code behind it once for each value; a search tree then exceeds the limit on Linux 6.1. */
#define sp_reload(memory) (*(const volatile typeof(memory) *)&(memory))

/* Keeps stores before and after it in order. Without it clang 14 holds many words at once and runs out of the 512 bytes of stack. */
#define sp_barrier() asm volatile("" ::: "memory")

/* The same, and the numbers are computed before anything that follows. */
#define sp_barrier_on(a) asm volatile("" : "+r"(a) : : "memory")
#define sp_barrier_on2(a, b) asm volatile("" : "+r"(a), "+r"(b) : : "memory")

/* A length that is known to be from 1 to `size`, a power of two, in a form that proves it. Before Linux 6.8 the verifier does not
 * conclude from `count != 0` that an unsigned count is at least 1, and refuses the helper's call ("invalid zero-sized read"). */
#define sp_bounded(count, size) ((((count)-1) & ((size)-1)) + 1)

/* The verdict returned by a global function: SP_PASS or SP_DROP. The verifier forgets what a global function returns, and a cgroup
 * program must return 0 or 1. */
#define sp_verdict_bit(verdict) ((verdict)&1)

/* Stores 0. clang 14 has no atomic store for BPF. */
#define sp_atomic_clear(number) __sync_fetch_and_and(number, 0)

/* Number of the lowest bit set. clang 14 cannot expand __builtin_ctzll for BPF: this is the population count of the bits below. */
static __always_inline __u32 sp_first_bit(__u64 word)
{
	__u64 below = (word & -word) - 1;

	below -= below >> 1 & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return below * 0x0101010101010101ULL >> 56;
}

#endif
