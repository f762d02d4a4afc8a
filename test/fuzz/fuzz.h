/* What the fuzzers share: parsers with their loops counted, and reading in pieces. libFuzzer, ASan and UBSan find what no test
 * thought of; the checks here find answers that cannot be. */
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
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* bpf_loop in the kernel refuses more (include/linux/bpf.h: BPF_MAX_LOOPS). */
#define LOOP_MAX (1 << 23)

static inline long counted_loop(__u32 times, long (*step)(__u32, void *), void *state)
{
	check(times <= LOOP_MAX, "a loop within the kernel's bound");
	for (__u32 i = 0; i < times; i++) {
		loop_steps++;
		if (step(i, state))
			return i + 1;
	}
	return times;
}

#define bpf_loop(times, step, state, flags) counted_loop(times, step, state)

#include "../../native/stand_in.h"

#include "../../bpf/parse/parse.h"

static struct sp_parse_work parse_work;

#define INPUT_MAX (1 << 20)

/* A copy that ends where an allocation does: ASan finds who reads one byte more. */
static inline const __u8 *at_the_end(const void *bytes, size_t count)
{
	static __u8 *buffer;

	if (!buffer)
		buffer = malloc(INPUT_MAX);
	check(buffer && count <= INPUT_MAX, "room for the input");
	return memcpy(buffer + INPUT_MAX - count, bytes, count);
}

/* What is compared is which bytes came, not how many there are. Eight at a time and without the fuzzer's eyes on it: it goes through
 * every input, and says nothing about the parsers. */
__attribute__((noinline, unused, no_sanitize("coverage"))) static __u64 hash_bytes(__u64 hash, const void *bytes, size_t count)
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

/* ASan does not see who writes out of a field into the next one of its struct: one that has no part in the reading stays as it was. */
static inline void check_untouched(const void *field, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(((const __u8 *)field)[i] == 0, "nothing is written into the next field");
}

/* Numbers that follow from the input alone: a finding can be run again. */
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
