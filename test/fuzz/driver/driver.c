/* What libFuzzer calls. A parser's target is built twice, and every input is run by both: by one with the sanitizers, and by one as it is,
 * from which libFuzzer learns what an input reaches and compares. The branches of the sanitizers' own checks are no coverage, and their
 * compares with NULL no words worth trying; watching them takes longer than parsing. */
#include <stddef.h>
#include <stdint.h>

#define SHORT_MAX 1500 /* names stand in the first packet, mostly */
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

/* One input in ten may be long. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (seed % LONG_ONE_IN && max > SHORT_MAX)
		max = SHORT_MAX;
	return LLVMFuzzerMutate(data, size < max ? size : max, max);
}
