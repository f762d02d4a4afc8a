/* SPDX-License-Identifier: MIT
 * One TCP connection that stays open: keepopen ADDRESS PORT [INTERVAL_MS]
 * Commands on stdin: "go" sends a byte in each interval and reads its echo; "close", or the end of input, closes.
 * Prints a JSON line for each change: connected, echoed (the first byte came back), then closed, or broken with an
 * errno. */
#include "client.h"

int main(int argc, char **argv)
{
	struct peer peer = peer_of(argv[1], atoi(argv[2]));
	int interval = argc > 3 ? atoi(argv[3]) : 20;
	int fd = socket(peer.family, SOCK_STREAM, 0), going = 0;
	struct pollfd wait[2] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	long sent = 0, received = 0, part;
	double next = 0;
	char buffer[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (connect_to(fd, &peer) < 0) {
		printf("{\"state\":\"refused\",\"errno\":\"%s\"}\n", errno_name(errno));
		return 1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	printf("{\"state\":\"connected\",\"pid\":%d}\n", getpid());
	for (;;) {
		poll(wait, 2, interval);
		if (wait[0].revents) {
			part = read(0, buffer, sizeof(buffer));
			if (part <= 0 || !strncmp(buffer, "close", 5))
				break;
			going = 1;
		}
		if (wait[1].revents) {
			part = recv(fd, buffer, sizeof(buffer), 0);
			if (part <= 0) {
				printf("{\"state\":\"broken\",\"errno\":\"%s\",\"sent\":%ld,\"received\":%ld}\n",
				       errno_name(part < 0 ? errno : 0), sent, received);
				return 1;
			}
			if (received == 0)
				printf("{\"state\":\"echoed\"}\n");
			received += part;
		}
		if (going && now_us() >= next) {
			next = now_us() + interval * 1e3;
			if (send(fd, "x", 1, MSG_NOSIGNAL) < 0) {
				printf("{\"state\":\"broken\",\"errno\":\"%s\",\"sent\":%ld,\"received\":%ld}\n",
				       errno_name(errno), sent, received);
				return 1;
			}
			sent++;
		}
	}
	close(fd);
	printf("{\"state\":\"closed\",\"sent\":%ld,\"received\":%ld}\n", sent, received);
	return 0;
}
