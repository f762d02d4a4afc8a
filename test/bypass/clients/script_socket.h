/* SPDX-License-Identifier: MIT
 * The state of script.c: its sockets and buffers, and the values of a step. */
#ifndef SCRIPT_SOCKET_H
#define SCRIPT_SOCKET_H

#include "client.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define BYTES (1 << 17)

static unsigned char bytes[BYTES], other[BYTES], got[4096];
static int sockets[16], count, at = -1;
static size_t got_size;

static size_t unhex(const char *text, unsigned char *to)
{
	size_t size = 0;
	unsigned value;

	while (size < BYTES && sscanf(text, "%2x", &value) == 1) {
		to[size++] = value;
		text += 2;
	}
	return size;
}

/* Returns the next value of a step, or NULL. */
static char *next(char **rest)
{
	return strsep(rest, ",");
}

static struct peer peer_from(char **rest)
{
	char *address = next(rest), *port = next(rest);

	return peer_of(address, port ? atoi(port) : 0);
}

static int on(int level, int option, int value)
{
	return setsockopt(sockets[at], level, option, &value, sizeof(value));
}

static int open_socket(char *type)
{
	static const struct {
		const char *name;
		int type, protocol;
	} kinds[] = {
		{"tcp", SOCK_STREAM, 0}, {"mptcp", SOCK_STREAM, IPPROTO_MPTCP},
		{"udp", SOCK_DGRAM, 0},  {"ping", SOCK_DGRAM, IPPROTO_ICMP},
		{"raw", SOCK_RAW, 0},
	};
	char *name = next(&type), *end = name + strlen(name) - 1;
	int family = *end == '6' ? AF_INET6 : AF_INET, fd = -1;

	*end = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int protocol = kinds[i].protocol;

		if (strcmp(name, kinds[i].name))
			continue;
		if (protocol == IPPROTO_ICMP && family == AF_INET6)
			protocol = IPPROTO_ICMPV6;
		fd = socket(family, kinds[i].type, type ? atoi(type) : protocol);
		if (fd >= 0 && kinds[i].type == SOCK_STREAM)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	}
	at = count++;
	sockets[at] = fd;
	return fd < 0 ? -1 : 0;
}

static int disconnect(void)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	return connect(sockets[at], &nowhere, sizeof(nowhere));
}

static int sent(ssize_t result)
{
	return result < 0 ? -1 : 0;
}

#endif
