/* SPDX-License-Identifier: MIT
 * Sends datagrams of one socket and prints the errno of each: datagrams HOW ADDRESS PORT ITEM...
 * An item is a datagram in hex. "SIZE:HEX" is sent in one call as several datagrams of SIZE bytes (UDP_SEGMENT). "+MS"
 * waits. HOW is `send` (after connect) or `sendto`. */
#include "client.h"
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static unsigned char bytes[65536];

static size_t unhex(const char *text)
{
	size_t length = 0;
	unsigned byte;

	for (; length < sizeof(bytes) && sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[length++] = byte;
	return length;
}

int main(int argc, char **argv)
{
	struct peer peer;
	int fd, segment, to;

	if (argc < 5)
		return 2;
	peer = peer_of(argv[2], atoi(argv[3]));
	to = !strcmp(argv[1], "sendto");
	fd = socket(peer.family, SOCK_DGRAM, 0);
	if (fd < 0 || (!to && connect(fd, (struct sockaddr *)&peer.address, peer.length)))
		return 1;
	printf("{\"pid\":%d,\"sent\":[", getpid());
	for (int i = 4; i < argc; i++) {
		const char *colon = strchr(argv[i], ':'), *hex = colon ? colon + 1 : argv[i];
		ssize_t sent;

		if (argv[i][0] == '+') {
			usleep(atoi(argv[i] + 1) * 1000);
			continue;
		}
		segment = colon ? atoi(argv[i]) : 0;
		if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
			return 1;
		sent = sendto(fd, bytes, unhex(hex), 0, to ? (struct sockaddr *)&peer.address : NULL,
			      to ? peer.length : 0);
		printf("%s%d", i == 4 ? "" : ",", sent < 0 ? errno : 0);
	}
	printf("]}\n");
	return 0;
}
