/* Fuzzer of TLS, and of cleartext in which a ClientHello comes later (bpf/parse/tls.h, hello.h, tls_scan.h,
 * reader.h). */
#include "stream.h"

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	read_both_ways(data, size);
	return 0;
}
