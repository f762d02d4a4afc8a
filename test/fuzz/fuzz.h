/* Common parts of the fuzzers: the parsers with counted loop steps, and checks of their results. libFuzzer, ASan and
 * UBSan find memory errors; the checks find impossible results. */
#ifndef SALLYPORT_FUZZ_H
#define SALLYPORT_FUZZ_H

#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __u64 loop_steps;

static inline void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "check failed: %s\n", what);
	abort();
}

/* The kernel's limit of bpf_loop (include/linux/bpf.h: BPF_MAX_LOOPS). */
#define LOOP_MAX (1 << 23)

static inline long counted_loop(__u32 times, long (*step)(__u32, void *), void *state)
{
	check(times <= LOOP_MAX, "a loop does not exceed the kernel's limit");
	for (__u32 i = 0; i < times; i++) {
		loop_steps++;
		if (step(i, state))
			return i + 1;
	}
	return times;
}

#define bpf_loop(times, step, state, flags) counted_loop(times, step, state)

#include "../../native/parsers/stand_in.h"

#include "../../bpf/parse/parse.h"

static struct sp_parse_work parse_work;

#define INPUT_MAX (1 << 20)

/* Copies the bytes to the end of an allocation, so that ASan detects a read past them. */
static inline const __u8 *at_the_end(const void *bytes, size_t count)
{
	static __u8 *buffer;

	if (!buffer)
		buffer = malloc(INPUT_MAX);
	check(buffer && count <= INPUT_MAX, "the input fits the buffer");
	return memcpy(buffer + INPUT_MAX - count, bytes, count);
}

/* Hashes the contents and the length, eight bytes at a time. Not instrumented, because its coverage is unrelated
 * to the parsers. */
__attribute__((noinline, unused, no_sanitize("coverage"))) static __u64 hash_bytes(__u64 hash, const void *bytes,
										   size_t count)
{
	const __u8 *at = bytes;
	__u64 word = 0;

	for (; count >= sizeof(word); at += sizeof(word), count -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9fb21c651e98df25ULL;
		hash ^= hash >> 29;
	}
	word = (__u64)count << 56;
	memcpy(&word, at, count);
	hash = (hash ^ word) * 0x9fb21c651e98df25ULL;
	return hash ^ hash >> 29;
}

/* Checks that an unused field is still zero: ASan does not detect an overflow into the next field of a struct. */
static inline void check_untouched(const void *field, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(((const __u8 *)field)[i] == 0, "the next field is unchanged");
}

/* Numbers that depend only on the input, so that a finding can be reproduced. */
struct numbers {
	__u64 state;
};

static inline __u32 next_number(struct numbers *n)
{
	n->state ^= n->state << 13;
	n->state ^= n->state >> 7;
	n->state ^= n->state << 17;
	return n->state >> 32;
}

#endif
