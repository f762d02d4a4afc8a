/* SPDX-License-Identifier: MIT
 * A socket that one process opens and another one uses (SCM_RIGHTS):
 *   handover CGROUP_OF_THE_OPENER ADDRESS PORT TEXT
 * The opener is a child. It moves to the cgroup, connects and passes its socket to this process, which sends on it.
 * Prints {"pid":..,"errno":..,"step":..}. */
#include "client.h"
#include <sys/wait.h>

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int report(int error, const char *step)
{
	printf("{\"pid\":%d,\"errno\":\"%s\",\"step\":\"%s\"}\n", getpid(), errno_name(error), error ? step : "");
	return error != 0;
}

static int move_to(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || dprintf(fd, "0\n") < 0)
		return -1;
	return close(fd);
}

static int opener(int channel, const char *cgroup, const struct peer *peer)
{
	int fd, error = 0;
	struct iovec part = {&error, sizeof(error)};
	union control control = {};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *rights;

	if (move_to(cgroup) < 0)
		error = errno;
	fd = socket(peer->family, SOCK_STREAM, 0);
	if (!error && connect_to(fd, peer) < 0)
		error = errno;
	if (!error) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		rights = CMSG_FIRSTHDR(&message);
		*rights = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	}
	return sendmsg(channel, &message, 0) < 0;
}

int main(int argc, char **argv)
{
	int channel[2], fd = -1, error = 0;
	struct iovec part = {&error, sizeof(error)};
	union control control = {};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	struct peer peer;
	pid_t child;

	if (argc < 5 || socketpair(AF_UNIX, SOCK_DGRAM, 0, channel) < 0)
		return 2;
	peer = peer_of(argv[2], atoi(argv[3]));
	child = fork();
	if (child == 0)
		_exit(opener(channel[1], argv[1], &peer));
	if (recvmsg(channel[0], &message, 0) < 0)
		return report(errno, "recvmsg");
	waitpid(child, NULL, 0);
	if (error)
		return report(error, "connect");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	if (send(fd, argv[4], strlen(argv[4]), MSG_NOSIGNAL) < 0)
		return report(errno, "send");
	return report(0, "");
}
