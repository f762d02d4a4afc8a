/* SPDX-License-Identifier: MIT
 * Thousands of connections to several ports of one address in turn, from two threads: storm ADDRESS COUNT PORT...
 * Prints for each port how many were allowed, denied or failed otherwise:
 * {"7001":{"ok":..,"denied":..,"other":..,"first":""},...} */
#include "client.h"
#include <pthread.h>

#define PORTS 8
#define THREADS 2

struct tally {
	long ok, denied, other;
	int first;
};
struct work {
	const char *address;
	int count, ports, port[PORTS];
	struct tally tally[PORTS];
};

static void *loop(void *argument)
{
	struct work *work = argument;

	for (int i = 0; i < work->count; i++) {
		int at = i % work->ports;
		struct peer peer = peer_of(work->address, work->port[at]);
		int fd = socket(peer.family, SOCK_STREAM, 0);
		struct tally *tally = &work->tally[at];

		if (connect_to(fd, &peer) == 0) {
			tally->ok++;
		} else if (errno == EACCES) {
			tally->denied++;
		} else {
			tally->other++;
			tally->first = tally->first ? tally->first : errno;
		}
		close_hard(fd);
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
		work[t].address = argv[1];
		work[t].count = atoi(argv[2]) / THREADS;
		for (int at = 3; at < argc && work[t].ports < PORTS; at++)
			work[t].port[work[t].ports++] = atoi(argv[at]);
		pthread_create(&thread[t], NULL, loop, &work[t]);
	}
	for (int t = 0; t < THREADS; t++)
		pthread_join(thread[t], NULL);
	printf("{");
	for (int at = 0; at < work[0].ports; at++) {
		struct tally *a = &work[0].tally[at], *b = &work[1].tally[at];

		printf("%s\"%d\":{\"ok\":%ld,\"denied\":%ld,\"other\":%ld,\"first\":\"%s\"}", at ? "," : "",
		       work[0].port[at], a->ok + b->ok, a->denied + b->denied, a->other + b->other,
		       errno_name(a->first ? a->first : b->first));
	}
	printf("}\n");
	return 0;
}
