/* SPDX-License-Identifier: MIT
 * Common parts of the small clients: addresses, limited waits, names of errnos, time. */
#ifndef CLIENT_H
#define CLIENT_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct peer {
	struct sockaddr_storage address;
	socklen_t length;
	int family;
};

static inline struct peer peer_of(const char *text, int port)
{
	struct peer peer = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&peer.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer.address;
	int good;

	if (peer.family == AF_INET) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		good = inet_pton(AF_INET, text, &v4->sin_addr);
		peer.length = sizeof(*v4);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		good = inet_pton(AF_INET6, text, &v6->sin6_addr);
		peer.length = sizeof(*v6);
	}
	if (good != 1) {
		fprintf(stderr, "%s is no address\n", text);
		exit(2);
	}
	return peer;
}

static inline double now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

/* Returns a time limit [ms] that is longer on a slow machine (SLOW in ../run.ts). */
static inline int patience(int ms)
{
	const char *slow = getenv("SALLYPORT_TEST_SLOW");

	return slow ? ms * atoi(slow) : ms;
}

/* Connects, for at most 3 s. Returns 0, or -1 with errno. */
static inline int connect_to(int fd, const struct peer *peer)
{
	int flags = fcntl(fd, F_GETFL), error = 0;
	socklen_t size = sizeof(error);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (connect(fd, (const struct sockaddr *)&peer->address, peer->length) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		if (poll(&wait, 1, patience(3000)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			errno = error;
			return -1;
		}
	}
	fcntl(fd, F_SETFL, flags);
	return 0;
}

/* Closes by reset, so that TIME_WAIT does not use up the ports. */
static inline void close_hard(int fd)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static inline const char *errno_name(int error)
{
	return error ? strerrorname_np(error) : "0";
}

#endif
