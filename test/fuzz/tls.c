/* Streams that begin as TLS, and cleartext in which a hello comes later (bpf/parse/tls.h, bpf/parse/hello.h, bpf/parse/tls_scan.h, bpf/parse/reader.h). */
#include "stream.h"

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	read_both_ways(data, size);
	return 0;
}
