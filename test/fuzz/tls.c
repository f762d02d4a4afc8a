/* Streams that begin as TLS, and cleartext in which a hello comes later (bpf/tls.h, bpf/hello.h, bpf/hunt.h, bpf/reader.h). */
#include "stream.h"

int FUZZ_TARGET(const uint8_t *data, size_t size)
{
	read_both_ways(data, size);
	return 0;
}
