/* SPDX-License-Identifier: MIT
 * A connection of a process that has moved to a cgroup, which sends only after many other cgroups were used:
 *   churn ADDRESS PORT CGROUP OTHERS COUNT
 * OTHERS is the folder of the others. Prints whether a reply came. */
#include "client.h"
#include <sys/stat.h>
#include <sys/wait.h>

static int enter(const char *folder)
{
	char path[512];
	int fd;
	long got;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	got = write(fd, "0", 1);
	close(fd);
	return got == 1 ? 0 : -1;
}

static void use_others(const char *parent, int count, const struct peer *peer)
{
	char now[400], before[400] = "";
	int fd = socket(peer->family, SOCK_DGRAM, 0);

	for (int i = 0; i < count; i++) {
		snprintf(now, sizeof(now), "%s/n%d", parent, i);
		if (mkdir(now, 0755) < 0 || enter(now) < 0 ||
		    connect(fd, (const struct sockaddr *)&peer->address, peer->length) < 0) {
			perror(now);
			_exit(1);
		}
		if (before[0])
			rmdir(before);
		memcpy(before, now, sizeof(now));
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	struct timeval wait = {.tv_sec = patience(2000) / 1000};
	struct peer peer;
	int fd, status = 0, refused;
	char reply[8];
	pid_t child;

	if (argc < 6)
		return 2;
	peer = peer_of(argv[1], atoi(argv[2]));
	fd = socket(peer.family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (enter(argv[3]) < 0)
		return 2;
	refused = connect_to(fd, &peer) < 0 ? errno : 0;
	child = fork();
	if (child == 0)
		use_others(argv[4], atoi(argv[5]), &peer);
	waitpid(child, &status, 0);
	if (status)
		return 2;
	send(fd, "ping", 4, MSG_NOSIGNAL);
	printf("{\"errno\":\"%s\",\"reply\":%s}\n", errno_name(refused), recv(fd, reply, 4, 0) == 4 ? "true" : "false");
	return 0;
}
