/* SPDX-License-Identifier: MIT
 * Counts what arrives on a link, whether a socket receives it or not: wire INTERFACE
 * It counts packets and bytes of transport payload by destination, protocol and port. A line on stdin,
 * "ADDRESS [PROTOCOL [PORT]]", is answered by {"packets":N,"bytes":N}, which includes all earlier arrivals. */
#include "client.h"
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#define SLOTS (1 << 18)

struct seen {
	unsigned char to[16];
	int protocol, port;
	long packets, bytes;
};

static struct seen table[SLOTS];

static struct seen *slot(const unsigned char *to, int protocol, int port)
{
	unsigned at = protocol * 31 + port * 2654435761u;

	for (int i = 0; i < 16; i++)
		at = at * 31 + to[i];
	for (int tries = 0; tries < SLOTS; tries++, at++) {
		struct seen *each = &table[at % SLOTS];

		if (each->packets == 0) {
			memcpy(each->to, to, 16);
			each->protocol = protocol;
			each->port = port;
			return each;
		}
		if (each->protocol == protocol && each->port == port && !memcmp(each->to, to, 16))
			return each;
	}
	abort();
}

static void mapped(unsigned char *to, const void *v4)
{
	memset(to, 0, 16);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, v4, 4);
}

static void count(const unsigned char *packet, long size)
{
	unsigned char to[16];
	long at = 0, end = size, head = 0;
	int protocol = 0, port = 0, later = 0;
	struct seen *seen;

	if (size >= 20 && packet[0] >> 4 == 4) {
		const struct ip *ip = (const void *)packet;

		mapped(to, &ip->ip_dst);
		at = ip->ip_hl * 4;
		end = ntohs(ip->ip_len);
		protocol = ip->ip_p;
		later = ntohs(ip->ip_off) & 0x1fff;
	} else if (size >= 40 && packet[0] >> 4 == 6) {
		const struct ip6_hdr *ip6 = (const void *)packet;

		memcpy(to, &ip6->ip6_dst, 16);
		at = 40;
		end = 40 + ntohs(ip6->ip6_plen);
		protocol = ip6->ip6_nxt;
		while (at + 8 <= size && (protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60)) {
			if (protocol == 44)
				later = (packet[at + 2] << 8 | packet[at + 3]) & 0xfff8;
			head = protocol == 44 ? 8 : (packet[at + 1] + 1) * 8;
			protocol = packet[at];
			at += head;
		}
	} else {
		return; /* ARP and similar carry no data of a process */
	}
	end = end > size ? size : end;
	if (!later && at + 8 <= size && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)) {
		port = packet[at + 2] << 8 | packet[at + 3];
		at += protocol == IPPROTO_UDP ? 8 : at + 13 <= size ? (packet[at + 12] >> 4) * 4 : 20;
	}
	seen = slot(to, protocol, port);
	seen->packets++;
	seen->bytes += end > at ? end - at : 0;
}

static void answer(const char *line)
{
	char text[64] = "";
	unsigned char to[16];
	struct in_addr v4;
	int protocol = -1, port = -1;
	long packets = 0, bytes = 0;

	sscanf(line, "%63s %d %d", text, &protocol, &port);
	if (inet_pton(AF_INET, text, &v4) == 1)
		mapped(to, &v4);
	else if (inet_pton(AF_INET6, text, to) != 1)
		exit(2);
	for (int i = 0; i < SLOTS; i++) {
		const struct seen *each = &table[i];

		if (!each->packets || memcmp(each->to, to, 16) || (protocol >= 0 && each->protocol != protocol) ||
		    (port >= 0 && each->port != port))
			continue;
		packets += each->packets;
		bytes += each->bytes;
	}
	printf("{\"packets\":%ld,\"bytes\":%ld}\n", packets, bytes);
}

static void drain(int fd)
{
	static unsigned char packet[1 << 16];
	struct sockaddr_ll from;

	for (;;) {
		socklen_t length = sizeof(from);
		long size = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &length);

		if (size < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			count(packet, size);
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), room = 256 << 20;
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct pollfd wait[2] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	char line[128];

	link.sll_ifindex = argc > 1 ? (int)if_nametoindex(argv[1]) : 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (link.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("{\"ready\":true}");
	for (;;) {
		poll(wait, 2, -1);
		drain(fd);
		if (wait[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			drain(fd);
			answer(line);
		}
	}
}
