/* SPDX-License-Identifier: MIT
 * Sends a hand-made ClientHello, possibly in pieces: hello ADDRESS PORT SNI [whole|first:N|only:N|prefix:TEXT]
 * first:N sends N bytes, waits 30 ms and sends the rest. only:N never sends the rest. prefix:TEXT sends TEXT first, as
 * its own segment. Prints the errno of the failure, or 0 if everything was sent and the connection was open 500 ms
 * later. */
#include "client.h"

static size_t put(unsigned char *at, const char *sni)
{
	size_t name = strlen(sni), size = 0;
	unsigned char body[512], *p = body;

	*p++ = 3, *p++ = 3;
	memset(p, 0x5a, 32), p += 32;
	*p++ = 0; /* session id */
	memcpy(p, "\x00\x02\x13\x01\x01\x00", 6), p += 6; /* one suite, no compression */
	*p++ = (name + 9) >> 8, *p++ = name + 9;
	*p++ = 0, *p++ = 0, *p++ = 0, *p++ = name + 5; /* server_name, RFC 6066 3 */
	*p++ = 0, *p++ = name + 3, *p++ = 0, *p++ = 0, *p++ = name;
	memcpy(p, sni, name), p += name;
	size = p - body;
	memcpy(at, (unsigned char[]){0x16, 3, 1, (size + 4) >> 8, size + 4, 1, 0, size >> 8, size}, 9);
	memcpy(at + 9, body, size);
	return size + 9;
}

static int give(int fd, const void *bytes, size_t size)
{
	if (size && send(fd, bytes, size, MSG_NOSIGNAL) < 0)
		return errno;
	usleep(30000);
	return 0;
}

int main(int argc, char **argv)
{
	struct peer peer = peer_of(argv[1], atoi(argv[2]));
	const char *how = argc > 4 ? argv[4] : "whole";
	unsigned char hello[600];
	size_t size = put(hello, argv[3]), first = !strncmp(how, "first:", 6) ? (size_t)atoi(how + 6) : size;
	int fd = socket(peer.family, SOCK_STREAM, 0), error = 0;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char byte;

	if (connect_to(fd, &peer) < 0)
		error = errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (!error && !strncmp(how, "prefix:", 7))
		error = give(fd, how + 7, strlen(how + 7));
	if (!error && !strncmp(how, "only:", 5))
		first = size = atoi(how + 5);
	if (!error)
		error = give(fd, hello, first);
	if (!error)
		error = give(fd, hello + first, size - first);
	if (!error && poll(&wait, 1, patience(500)) == 1 && recv(fd, &byte, 1, 0) < 0)
		error = errno;
	printf("{\"pid\":%d,\"errno\":\"%s\",\"size\":%zu}\n", getpid(), errno_name(error), size);
	return 0;
}
