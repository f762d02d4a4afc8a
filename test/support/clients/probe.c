/* SPDX-License-Identifier: MIT
 * One attempt to reach a destination; prints the result as a JSON line:
 *   probe tcp ADDRESS PORT [TEXT]
 *   probe fastopen ADDRESS PORT TEXT
 *   probe udp ADDRESS PORT sendto|sendmsg|sendmmsg|connect|connected [TEXT]
 *   probe icmp ADDRESS | probe raw ADDRESS PROTOCOL
 *   probe fork ADDRESS PORT COMM          a child that never calls exec
 *   probe thread ADDRESS PORT COMM        a thread of such a child, with its own name
 *   probe exchange ADDRESS PORT BYTES     send, shut down, read to the end */
#include "client.h"
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int report(const char *op, int error, double started, const char *extra)
{
	printf("{\"op\":\"%s\",\"pid\":%d,\"errno\":\"%s\",\"us\":%.0f%s}\n", op, getpid(), errno_name(error),
	       now_us() - started, extra);
	fflush(stdout);
	return error ? 1 : 0;
}

static int tcp(const struct peer *peer, const char *text, int flags)
{
	int fd = socket(peer->family, SOCK_STREAM, 0), error = 0;
	double started = now_us();

	if (flags & MSG_FASTOPEN) {
		if (sendto(fd, text, strlen(text), flags, (const struct sockaddr *)&peer->address, peer->length) < 0)
			error = errno;
		return report("fastopen", error, started, "");
	}
	if (connect_to(fd, peer) < 0)
		return report("connect", errno, started, "");
	if (text && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return report("send", errno, started, "");
	return report("connect", 0, started, "");
}

static int udp(const struct peer *peer, const char *how, const char *text)
{
	int fd = socket(peer->family, SOCK_DGRAM, 0);
	struct iovec data = {(void *)text, strlen(text)};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &data, .msg_iovlen = 1}};
	int ms = patience(500);
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	const struct sockaddr *to = (const struct sockaddr *)&peer->address;
	double started = now_us();
	char reply[64];
	long result;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (!strncmp(how, "connect", 7)) {
		result = connect(fd, to, peer->length);
		if (result < 0 || !strcmp(how, "connect"))
			return report("connect", result < 0 ? errno : 0, started, "");
		result = send(fd, text, strlen(text), 0);
	} else if (!strcmp(how, "sendto")) {
		result = sendto(fd, text, strlen(text), 0, to, peer->length);
	} else {
		message.msg_hdr.msg_name = (void *)to;
		message.msg_hdr.msg_namelen = peer->length;
		result = strcmp(how, "sendmmsg") ? sendmsg(fd, &message.msg_hdr, 0) : sendmmsg(fd, &message, 1, 0);
	}
	if (result < 0)
		return report(how, errno, started, "");
	result = recv(fd, reply, sizeof(reply), 0);
	return report(how, 0, started, result > 0 ? ",\"reply\":true" : ",\"reply\":false");
}

static unsigned short checksum(const void *data, int size)
{
	const unsigned short *word = data;
	unsigned sum = 0;

	for (; size > 1; size -= 2)
		sum += *word++;
	return ~((sum & 0xffff) + (sum >> 16));
}

static int raw(const struct peer *peer, int protocol, int echo)
{
	int fd = socket(peer->family, SOCK_RAW, protocol), error = 0;
	struct icmphdr body = {.type = ICMP_ECHO, .un.echo.id = 7};
	double started = now_us();

	if (echo && peer->family == AF_INET6)
		body.type = ICMP6_ECHO_REQUEST;
	body.checksum = peer->family == AF_INET ? checksum(&body, sizeof(body)) : 0;
	if (fd < 0 || sendto(fd, &body, sizeof(body), 0, (const struct sockaddr *)&peer->address, peer->length) < 0)
		error = errno;
	return report(echo ? "icmp" : "raw", error, started, "");
}

static int forked(const struct peer *peer, const char *comm)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_NAME, comm);
		_exit(tcp(peer, NULL, 0));
	}
	waitpid(child, NULL, 0);
	return 0;
}

static void *connect_in_thread(void *peer)
{
	prctl(PR_SET_NAME, "thread-of-it");
	_exit(tcp(peer, NULL, 0));
}

static int threaded(struct peer *peer, const char *comm)
{
	pid_t child = fork();
	pthread_t thread;

	if (child == 0) {
		prctl(PR_SET_NAME, comm);
		pthread_create(&thread, NULL, connect_in_thread, peer);
		pthread_join(thread, NULL);
	}
	waitpid(child, NULL, 0);
	return 0;
}

static int exchange(const struct peer *peer, long bytes)
{
	static char block[1 << 16];
	int fd = socket(peer->family, SOCK_STREAM, 0);
	long sent = 0, received = 0, part;
	double started = now_us();
	char extra[64];

	if (connect_to(fd, peer) < 0)
		return report("connect", errno, started, "");
	/* Reads while it sends: an unread echo would block both sides. */
	for (part = 1; part != 0;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN | (sent < bytes ? POLLOUT : 0)};

		poll(&wait, 1, patience(10000));
		if (wait.revents & POLLOUT && sent < bytes) {
			long room = bytes - sent < (long)sizeof(block) ? bytes - sent : (long)sizeof(block);

			part = send(fd, block, room, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (part < 0 && errno != EAGAIN)
				return report("send", errno, started, "");
			sent += part > 0 ? part : 0;
			if (sent == bytes)
				shutdown(fd, SHUT_WR);
			part = 1;
		}
		if (wait.revents & ~POLLOUT) {
			part = recv(fd, block, sizeof(block), 0);
			if (part < 0)
				break;
			received += part;
		}
		if (part == 0 && sent < bytes)
			part = 1;
	}
	snprintf(extra, sizeof(extra), ",\"sent\":%ld,\"received\":%ld", sent, received);
	return report("exchange", part < 0 ? errno : 0, started, extra);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	const char *last = argc > 4 ? argv[4] : NULL;
	struct peer peer;

	if (argc < 3)
		return 2;
	peer = peer_of(argv[2], argc > 3 && strcmp(what, "raw") ? atoi(argv[3]) : 0);
	if (!strcmp(what, "tcp"))
		return tcp(&peer, last, 0);
	if (!strcmp(what, "fastopen"))
		return tcp(&peer, last ? last : "x", MSG_FASTOPEN);
	if (!strcmp(what, "udp"))
		return udp(&peer, last ? last : "sendto", argc > 5 ? argv[5] : "ping");
	if (!strcmp(what, "icmp"))
		return raw(&peer, peer.family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, 1);
	if (!strcmp(what, "raw"))
		return raw(&peer, atoi(argv[3]), 0);
	if (!strcmp(what, "fork"))
		return forked(&peer, last);
	if (!strcmp(what, "thread"))
		return threaded(&peer, last);
	if (!strcmp(what, "exchange"))
		return exchange(&peer, atol(last));
	return 2;
}
