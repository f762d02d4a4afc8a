/* SPDX-License-Identifier: MIT
 * fetch HOST PORT: looks the name up, connects to its first address, and prints the response to a request for /. It is
 * compiled with musl, whose resolver asks all name servers at once and ends a search at the first failure. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char buffer[1024];
	ssize_t got;
	int error, fd;

	if (argc != 3)
		return 2;
	error = getaddrinfo(argv[1], argv[2], &hints, &found);
	if (error != 0) {
		printf("lookup: %s\n", gai_strerror(error));
		return 1;
	}
	fd = socket(found->ai_family, found->ai_socktype, 0);
	if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		printf("connect: %s\n", strerror(errno));
		return 1;
	}
	dprintf(fd, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", argv[1]);
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, got, stdout);
	if (got < 0)
		printf("read: %s\n", strerror(errno));
	return got < 0;
}
