/* SPDX-License-Identifier: MIT
 * Datagrams at the highest rate, from two threads, each to the next port of the address:
 *   denied ADDRESS SECONDS PORTS
 * Prints how many were denied, and how many were not: {"denied":..,"other":..} */
#include "client.h"
#include <pthread.h>

#define THREADS 2
#define PER_SOCKET 64

struct work {
	const char *address;
	double seconds;
	int ports, first;
	long denied, other;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void *loop(void *argument)
{
	struct work *work = argument;
	double end = now() + work->seconds;
	int port = work->first;

	while (now() < end) {
		struct peer peer = peer_of(work->address, 1);
		int fd = socket(peer.family, SOCK_DGRAM, 0);

		for (int i = 0; i < PER_SOCKET; i++) {
			port = (port + 1) % work->ports;
			((struct sockaddr_in *)&peer.address)->sin_port = htons(1 + port);
			if (sendto(fd, "x", 1, 0, (struct sockaddr *)&peer.address, peer.length) < 0 && errno == EPERM)
				work->denied++;
			else if (errno == EACCES)
				work->denied++;
			else
				work->other++;
		}
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct work work[THREADS] = {0};
	pthread_t thread[THREADS];

	if (argc < 4)
		return 2;
	for (int t = 0; t < THREADS; t++) {
		work[t] = (struct work){
			.address = argv[1], .seconds = atof(argv[2]), .ports = atoi(argv[3]), .first = t * 7919};
		pthread_create(&thread[t], NULL, loop, &work[t]);
	}
	for (int t = 0; t < THREADS; t++)
		pthread_join(thread[t], NULL);
	printf("{\"denied\":%ld,\"other\":%ld}\n", work[0].denied + work[1].denied, work[0].other + work[1].other);
	return 0;
}
