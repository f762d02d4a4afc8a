/* The entry points of libFuzzer. A parser's target is built twice, and both builds run every input: one with the
 * sanitizers, and a plain one that libFuzzer instruments for coverage and comparisons. Instrumenting the
 * sanitizers' own checks would take longer than parsing, without any useful coverage. */
#include <stddef.h>
#include <stdint.h>

#define SHORT_MAX 1500 /* names are usually in the first packet [bytes] */
#define LONG_ONE_IN 10

int fuzz_checked(const uint8_t *data, size_t size);
int fuzz_observed(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_checked(data, size);
	fuzz_observed(data, size);
	return 0;
}

/* Limits the size of most inputs: one in ten may be long. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (seed % LONG_ONE_IN && max > SHORT_MAX)
		max = SHORT_MAX;
	return LLVMFuzzerMutate(data, size < max ? size : max, max);
}
