/* SPDX-License-Identifier: MIT
 * The loops that the benchmark measures: loops CGROUP PORT
 * Children outside of CGROUP serve PORT (accept and close), PORT+1 (echo) and PORT+2 (read). PORT+3 is closed.
 * The parent moves into CGROUP and reads commands from stdin. It answers each with "NANOSECONDS FAILED":
 *   connect N     socket, connect and close, to random even addresses of 198.18.0.0/16 and PORT
 *   refused N     the same to PORT+3, which is closed or denied; only connect() is measured
 *   address A     all later connects go to A
 *   pace N        later connects are N each second; 0: as fast as possible
 *   roundtrip N   one byte to and fro on an open connection
 *   bulk N        N sends of 64 kB on an open connection */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536

static in_addr_t fixed;
static long pace;
static uint32_t seed = 88172645;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static struct sockaddr_in target(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = fixed};

	seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
	if (!fixed)
		to.sin_addr.s_addr = htonl(0xc6120000 | (seed & 0xfffe));
	return to;
}

static int listener(int port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

/* PORT and PORT+2 run on the other CPU, the echo on the same one, where a wake-up needs no interrupt between CPUs. */
static void serve(int port, int echo, int ready)
{
	struct pollfd fds[32] = {{listener(echo ? port + 1 : port), POLLIN, 0}};
	static char block[BLOCK];
	int count = 1, first = 1, fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(!echo);
	if (!echo)
		fds[count++] = (struct pollfd){listener(port + 2), POLLIN, 0}, first = 2;
	(void)!write(ready, "r", 1);
	for (;;) {
		poll(fds, count, -1);
		if (!echo && fds[0].revents)
			close(accept(fds[0].fd, NULL, NULL));
		if (fds[first - 1].revents && count < 32) {
			fd = accept(fds[first - 1].fd, NULL, NULL);
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
			fds[count++] = (struct pollfd){fd, POLLIN, 0};
		}
		for (int i = first; i < count; i++) {
			long got = fds[i].revents ? read(fds[i].fd, block, echo ? 1 : BLOCK) : 0;

			if (fds[i].revents && got <= 0)
				fds[i].fd = -1;
			else if (got > 0 && echo)
				(void)!write(fds[i].fd, block, 1);
		}
	}
}

static int stay(int port)
{
	struct sockaddr_in to = target(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){262144}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		perror("connect");
	return fd;
}

static long long since(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from->tv_sec) * 1000000000LL + to.tv_nsec - from->tv_nsec;
}

/* Measures only connect(), for connections that are never established. */
static long attempts(int port, long count, long long *ns)
{
	long failed = 0;

	while (count--) {
		struct sockaddr_in to = target(port);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct timespec from;

		clock_gettime(CLOCK_MONOTONIC, &from);
		failed += connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0;
		*ns += since(&from);
		close(fd);
	}
	return failed;
}

/* Waits until the pace allows the next connect. It may be a millisecond ahead, and catches up when it is late. */
static void keep_pace(const struct timespec *from, long done)
{
	long long ahead = pace ? done * 1000000000LL / pace - since(from) : 0;

	if (ahead > 1000000)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static long connects(int port, long count)
{
	struct timespec from;
	long failed = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (long done = 0; done < count; done++) {
		struct sockaddr_in to = target(port);
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		failed += connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0;
		close(fd);
		keep_pace(&from, done);
	}
	return failed;
}

static long roundtrips(int fd, long count)
{
	char byte = 'x';
	long failed = 0;

	while (count--)
		failed += write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1;
	return failed;
}

static long sends(int fd, long count)
{
	static char block[BLOCK];
	long failed = 0;

	while (count--)
		failed += write(fd, block, BLOCK) != BLOCK;
	return failed;
}

static void join(const char *cgroup)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%d", getpid()) < 0 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int port = argc > 2 ? atoi(argv[2]) : 0, ready[2], echo = -1, sink = -1;
	struct timespec from;
	char line[64], what[32], value[32];

	if (port == 0 || pipe(ready))
		return 2;
	for (int echo = 0; echo < 2; echo++) {
		if (fork() == 0)
			serve(port, echo, ready[1]);
		(void)!read(ready[0], line, 1);
	}
	signal(SIGPIPE, SIG_IGN);
	join(argv[1]);
	pin(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%31s %31s", what, value) == 2) {
		long count = atol(value), failed = 0;
		long long ns = 0;

		if (!strcmp(what, "address"))
			inet_pton(AF_INET, value, &fixed);
		if (!strcmp(what, "pace"))
			pace = count;
		if (!strcmp(what, "roundtrip") && echo < 0)
			echo = stay(port + 1);
		if (!strcmp(what, "bulk") && sink < 0)
			sink = stay(port + 2);
		clock_gettime(CLOCK_MONOTONIC, &from);
		if (!strcmp(what, "connect"))
			failed = connects(port, count);
		else if (!strcmp(what, "refused"))
			failed = attempts(port + 3, count, &ns);
		else if (!strcmp(what, "roundtrip"))
			failed = roundtrips(echo, count);
		else if (!strcmp(what, "bulk"))
			failed = sends(sink, count);
		printf("%lld %ld\n", ns ? ns : since(&from), failed);
	}
	return 0;
}
