/* SPDX-License-Identifier: MIT
 * Queries DNS for a name and connects to the answer at once, again and again with new names:
 *   dnsconnect query|getaddrinfo 4|6 RESOLVER KIND FIRST COUNT PORT
 * Prints {"ok":..,"denied":..,"unresolved":..,"other":..,"first":"the first failure"}. */
#include "client.h"
#include <netdb.h>

static struct {
	long ok, denied, unresolved, other;
	char first[128];
} sum;

static void note(const char *name, int error)
{
	if (error == 0)
		sum.ok++;
	else if (error == EACCES || error == EPERM || error == ECONNABORTED)
		sum.denied++;
	else if (error == ENOENT)
		sum.unresolved++;
	else
		sum.other++;
	if (error && !sum.first[0])
		snprintf(sum.first, sizeof(sum.first), "%s: %s", name, errno_name(error));
}

/* Sends a query built in advance (RFC 1035 4.1), so that nothing delays connect() after the answer. */
static int query(const struct peer *resolver, const char *name, int family, unsigned short id, struct peer *found)
{
	unsigned char packet[512] = {id >> 8, id & 255, 1, 0, 0, 1};
	int fd = socket(resolver->family, SOCK_DGRAM, 0), at = 12, size, records;
	int type = family == AF_INET ? 1 : 28;
	struct timeval wait = {.tv_sec = patience(2000) / 1000};

	for (const char *label = name; *label;) {
		int length = strcspn(label, ".");

		packet[at++] = length;
		memcpy(packet + at, label, length);
		at += length;
		label += length + (label[length] == '.');
	}
	memcpy(packet + at, (unsigned char[]){0, 0, type, 0, 1}, 5);
	at += 5;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	size = -1;
	for (int tries = 0; tries < 2 && size < 0; tries++) {
		if (sendto(fd, packet, at, 0, (const struct sockaddr *)&resolver->address, resolver->length) < 0) {
			int error = errno;

			close(fd);
			return error;
		}
		size = recv(fd, packet, sizeof(packet), 0);
	}
	close(fd);
	records = size > 12 ? packet[6] << 8 | packet[7] : 0;
	while (records-- && at < size) {
		int length, kind;

		while (at < size && packet[at] && packet[at] < 192)
			at += packet[at] + 1;
		at += packet[at] ? 2 : 1;
		if (at + 10 > size)
			return EPROTO;
		length = packet[at + 8] << 8 | packet[at + 9], kind = packet[at] << 8 | packet[at + 1];
		if (kind == type) {
			struct sockaddr_in *v4 = (struct sockaddr_in *)&found->address;
			struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&found->address;

			memcpy(type == 1 ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr, packet + at + 10, length);
			return 0;
		}
		at += 10 + length;
	}
	return ENOENT;
}

static int libc(const char *name, int family, int port, struct peer *found)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list = NULL;
	char service[8];

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(name, service, &hints, &list) || !list)
		return ENOENT;
	memcpy(&found->address, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

int main(int argc, char **argv)
{
	int family, first, count, port;
	struct peer resolver;

	if (argc < 8)
		return 2;
	family = atoi(argv[2]) == 6 ? AF_INET6 : AF_INET;
	resolver = peer_of(argv[3], 53);
	first = atoi(argv[5]), count = atoi(argv[6]), port = atoi(argv[7]);
	for (int i = first; i < first + count; i++) {
		struct peer found = peer_of(family == AF_INET ? "0.0.0.0" : "::", port);
		char name[64];
		int error, fd;

		snprintf(name, sizeof(name), "%s%d.gen.test", argv[4], i);
		error = *argv[1] == 'q' ? query(&resolver, name, family, i, &found) : libc(name, family, port, &found);
		if (!error) {
			fd = socket(family, SOCK_STREAM, 0);
			error = connect_to(fd, &found) < 0 ? errno : 0;
			close_hard(fd);
		}
		note(name, error);
	}
	printf("{\"ok\":%ld,\"denied\":%ld,\"unresolved\":%ld,\"other\":%ld,\"first\":\"%s\"}\n", sum.ok, sum.denied,
	       sum.unresolved, sum.other, sum.first);
	return 0;
}
