/* SPDX-License-Identifier: MIT
 * A socket and what is done with it, step by step, so that a test can say it in one line:
 *   script TYPE STEP...          TYPE: tcp4 tcp6 mptcp4 mptcp6 udp4 udp6 ping4 ping6 raw4,PROTOCOL raw6,PROTOCOL
 *   STEP: NAME or NAME=VALUE,... ; with "?" in front its failure does not end the script. Bytes are in hex.
 * Prints {"pid":..,"errno":"0" or that of the step that failed,"step":"its name","read":"what came, hex","us":..}. */
#include "client.h"
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define BYTES (1 << 17)

static unsigned char bytes[BYTES], other[BYTES], got[4096];
static int sockets[16], count, at = -1;
static size_t got_size;

static size_t unhex(const char *text, unsigned char *to)
{
	size_t size = 0;
	unsigned value;

	while (size < BYTES && sscanf(text, "%2x", &value) == 1) {
		to[size++] = value;
		text += 2;
	}
	return size;
}

/* The next value of a step, or NULL. */
static char *next(char **rest)
{
	return strsep(rest, ",");
}

static struct peer peer_from(char **rest)
{
	char *address = next(rest), *port = next(rest);

	return peer_of(address, port ? atoi(port) : 0);
}

static int on(int level, int option, int value)
{
	return setsockopt(sockets[at], level, option, &value, sizeof(value));
}

static int open_socket(char *type)
{
	static const struct { const char *name; int type, protocol; } kinds[] = {
		{ "tcp", SOCK_STREAM, 0 }, { "mptcp", SOCK_STREAM, IPPROTO_MPTCP }, { "udp", SOCK_DGRAM, 0 },
		{ "ping", SOCK_DGRAM, IPPROTO_ICMP }, { "raw", SOCK_RAW, 0 },
	};
	char *name = next(&type), *end = name + strlen(name) - 1;
	int family = *end == '6' ? AF_INET6 : AF_INET, fd = -1;

	*end = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int protocol = kinds[i].protocol;

		if (strcmp(name, kinds[i].name))
			continue;
		if (protocol == IPPROTO_ICMP && family == AF_INET6)
			protocol = IPPROTO_ICMPV6;
		fd = socket(family, kinds[i].type, type ? atoi(type) : protocol);
		if (fd >= 0 && kinds[i].type == SOCK_STREAM)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	}
	at = count++;
	sockets[at] = fd;
	return fd < 0 ? -1 : 0;
}

static int disconnect(void)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	return connect(sockets[at], &nowhere, sizeof(nowhere));
}

static int sent(ssize_t result)
{
	return result < 0 ? -1 : 0;
}

/* sendmmsg(): each message to its own destination. */
static int send_many(char *rest)
{
	struct mmsghdr messages[8] = {};
	struct iovec parts[8];
	struct peer peers[8];
	unsigned many = 0;
	size_t used = 0;

	for (; rest && many < 8; many++) {
		peers[many] = peer_from(&rest);
		parts[many].iov_base = bytes + used;
		parts[many].iov_len = unhex(next(&rest), bytes + used);
		used += parts[many].iov_len;
		messages[many].msg_hdr = (struct msghdr){ .msg_name = &peers[many].address, .msg_namelen = peers[many].length,
							  .msg_iov = &parts[many], .msg_iovlen = 1 };
	}
	for (unsigned done = 0; done < many;) {
		int now = sendmmsg(sockets[at], messages + done, many - done, 0);

		if (now < 0)
			return -1;
		done += now;
	}
	return 0;
}

/* The page is sent by reference (MSG_ZEROCOPY), and is another one's a moment later. */
static int send_zerocopy(char *rest)
{
	size_t size = unhex(next(&rest), bytes), changed = unhex(next(&rest), other);
	unsigned char *page = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t result;

	memcpy(page, bytes, size);
	if (on(SOL_SOCKET, SO_ZEROCOPY, 1) < 0)
		return -1;
	result = send(sockets[at], page, size, MSG_ZEROCOPY | MSG_NOSIGNAL);
	memcpy(page, other, changed);
	return sent(result);
}

/* From a file: as sendfile() or through a pipe. The file is changed afterwards if there is something to change it to. */
static int send_file(char *rest, int through_pipe)
{
	size_t size = unhex(next(&rest), bytes), changed = rest ? unhex(next(&rest), other) : 0;
	int file = memfd_create("bytes", 0), pipes[2];
	off_t from = 0;
	ssize_t result;

	if (file < 0 || pipe(pipes) < 0 || pwrite(file, bytes, size, 0) != (ssize_t)size)
		return -1;
	if (through_pipe) {
		result = splice(file, &from, pipes[1], NULL, size, 0);
		if (result > 0)
			result = splice(pipes[0], NULL, sockets[at], NULL, size, 0);
	} else {
		result = sendfile(sockets[at], file, &from, size);
	}
	if (changed && pwrite(file, other, changed, 0) < 0)
		return -1;
	return sent(result);
}

/* All option memory of the socket is taken (by a filter), so that nothing can be attached to it. */
static int take_option_memory(void)
{
	static struct sock_filter code[4096];
	struct sock_fprog program = { .filter = code };
	int good = -1;

	for (size_t i = 0; i < 4096; i++)
		code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	for (int step = 2048, size = 4096; step > 0; step /= 2) {
		program.len = size;
		if (setsockopt(sockets[at], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0) {
			good = 0;
			size += step;
		} else {
			size -= step;
		}
		if (size > 4096)
			break;
	}
	return good;
}

/* RFC 791 3.1: loose source route by way of HOP. */
static int source_route4(char *rest)
{
	struct peer hop = peer_from(&rest);
	unsigned char option[12] = { 1, 131, 7, 4 };

	memcpy(option + 4, &((struct sockaddr_in *)&hop.address)->sin_addr, 4);
	return setsockopt(sockets[at], IPPROTO_IP, IP_OPTIONS, option, 8);
}

/* RFC 8754: segment routing header by way of HOP; [0] is the last segment, which the kernel fills in. */
static int source_route6(char *rest)
{
	struct peer hop = peer_from(&rest);
	unsigned char header[40] = { 0, 4, 4, 1, 1 };

	header[3] = 1; /* segments left */
	header[4] = 1; /* last entry */
	memcpy(header + 24, &((struct sockaddr_in6 *)&hop.address)->sin6_addr, 16);
	return setsockopt(sockets[at], IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header));
}

/* N extension headers cannot be had from setsockopt; one of destination options, with padding, can. */
static int destination_options(int level)
{
	unsigned char header[8] = { 0, 0, 1, 4, 0, 0, 0, 0 };

	return setsockopt(sockets[at], IPPROTO_IPV6, level, header, sizeof(header));
}

/* A frame of our own making: INTERFACE,MAC,PACKET */
static int send_frame(char *rest)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_halen = 6 };
	int fd, result;

	link.sll_ifindex = if_nametoindex(next(&rest));
	unhex(next(&rest), link.sll_addr);
	result = unhex(next(&rest), bytes);
	link.sll_protocol = htons(bytes[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	result = sendto(fd, bytes, result, 0, (struct sockaddr *)&link, sizeof(link));
	close(fd);
	return sent(result);
}

/* A packet that comes from a network device of ours, and is the kernel's to forward: NAME,PACKET */
static int forward(char *rest)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int device = open("/dev/net/tun", O_RDWR), any = socket(AF_INET, SOCK_DGRAM, 0);
	size_t size;

	strncpy(request.ifr_name, next(&rest), IFNAMSIZ - 1);
	size = unhex(next(&rest), bytes);
	if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0)
		return -1;
	request.ifr_flags = IFF_UP;
	if (ioctl(any, SIOCSIFFLAGS, &request) < 0)
		return -1;
	close(any);
	return sent(write(device, bytes, size));
}

static int flood(char *rest)
{
	struct peer peer = peer_from(&rest);
	int many = atoi(next(&rest));

	for (int i = 0; i < many; i++) {
		in_port_t *port = &((struct sockaddr_in *)&peer.address)->sin_port;

		*port = htons(1024 + i % 64000);
		sendto(sockets[at], "f", 1, 0, (struct sockaddr *)&peer.address, peer.length);
	}
	return 0;
}

static int accept_one(void)
{
	struct pollfd wait = { .fd = sockets[at], .events = POLLIN };
	int fd = poll(&wait, 1, patience(3000)) == 1 ? accept(sockets[at], NULL, NULL) : -1;

	if (fd < 0)
		return -1;
	at = count++;
	sockets[at] = fd;
	return 0;
}

/* Until a file is there; half a minute at most. */
static int wait_for(const char *path)
{
	for (int tries = 0; tries < patience(3000); tries++) {
		if (access(path, F_OK) == 0)
			return 0;
		usleep(10000);
	}
	errno = ETIMEDOUT;
	return -1;
}

static int receive(int ms)
{
	struct pollfd wait = { .fd = sockets[at], .events = POLLIN };
	ssize_t size;

	if (poll(&wait, 1, patience(ms)) == 0)
		return 0;
	size = recv(sockets[at], got + got_size, sizeof(got) - got_size, 0);
	if (size > 0)
		got_size += size;
	return sent(size);
}

static int go(char *name, char *rest)
{
	struct peer peer;
	size_t size;
	int fd = at < 0 ? -1 : sockets[at];

	if (!strcmp(name, "new"))
		return open_socket(rest);
	if (!strcmp(name, "use"))
		return at = atoi(rest), 0;
	if (!strcmp(name, "connect"))
		return peer = peer_from(&rest), connect_to(fd, &peer);
	if (!strcmp(name, "unspec"))
		return disconnect();
	if (!strcmp(name, "bind"))
		return peer = peer_from(&rest), bind(fd, (struct sockaddr *)&peer.address, peer.length);
	if (!strcmp(name, "listen"))
		return listen(fd, 16);
	if (!strcmp(name, "accept"))
		return accept_one();
	if (!strcmp(name, "reuse"))
		return on(SOL_SOCKET, SO_REUSEADDR, 1) | on(SOL_SOCKET, SO_REUSEPORT, 1);
	if (!strcmp(name, "wait"))
		return usleep(atoi(rest) * 1000);
	if (!strcmp(name, "read"))
		return receive(atoi(rest));
	if (!strcmp(name, "until"))
		return wait_for(rest);
	if (!strcmp(name, "send"))
		return size = unhex(rest, bytes), sent(send(fd, bytes, size, MSG_NOSIGNAL));
	if (!strcmp(name, "more"))
		return size = unhex(rest, bytes), sent(send(fd, bytes, size, MSG_NOSIGNAL | MSG_MORE));
	if (!strcmp(name, "oob"))
		return size = unhex(rest, bytes), sent(send(fd, bytes, size, MSG_NOSIGNAL | MSG_OOB));
	if (!strcmp(name, "each")) { /* a segment a byte; with a pause in microseconds none is joined to the one before */
		size = unhex(next(&rest), bytes);
		for (size_t i = 0; i < size; i++, usleep(rest ? atoi(rest) : 0))
			if (send(fd, bytes + i, 1, MSG_NOSIGNAL) < 0)
				return -1;
		return 0;
	}
	if (!strcmp(name, "fastopen")) {
		peer = peer_from(&rest);
		size = unhex(next(&rest), bytes);
		return sent(sendto(fd, bytes, size, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&peer.address, peer.length));
	}
	if (!strcmp(name, "sendto")) {
		peer = peer_from(&rest);
		size = unhex(next(&rest), bytes);
		return sent(sendto(fd, bytes, size, MSG_NOSIGNAL, (struct sockaddr *)&peer.address, peer.length));
	}
	if (!strcmp(name, "sendmsg") || !strcmp(name, "moreto")) {
		struct iovec part = { .iov_base = bytes };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

		peer = peer_from(&rest);
		part.iov_len = unhex(next(&rest), bytes);
		message.msg_name = &peer.address;
		message.msg_namelen = peer.length;
		return sent(sendmsg(fd, &message, *name == 'm' ? MSG_MORE : 0));
	}
	if (!strcmp(name, "sendmmsg"))
		return send_many(rest);
	if (!strcmp(name, "zerocopy"))
		return send_zerocopy(rest);
	if (!strcmp(name, "sendfile") || !strcmp(name, "splice"))
		return send_file(rest, !strcmp(name, "splice"));
	if (!strcmp(name, "frame"))
		return send_frame(rest);
	if (!strcmp(name, "tun"))
		return forward(rest);
	if (!strcmp(name, "flood"))
		return flood(rest);
	if (!strcmp(name, "mss"))
		return on(IPPROTO_TCP, TCP_MAXSEG, atoi(rest));
	if (!strcmp(name, "nocookie"))
		return on(IPPROTO_TCP, 34 /* TCP_FASTOPEN_NO_COOKIE */, 1);
	if (!strcmp(name, "cork"))
		return on(IPPROTO_UDP, UDP_CORK, atoi(rest));
	if (!strcmp(name, "gso"))
		return on(IPPROTO_UDP, 103 /* UDP_SEGMENT */, atoi(rest));
	if (!strcmp(name, "header"))
		return on(IPPROTO_IP, IP_HDRINCL, 1);
	if (!strcmp(name, "header6"))
		return on(IPPROTO_IPV6, 36 /* IPV6_HDRINCL */, 1);
	if (!strcmp(name, "freebind6"))
		return on(IPPROTO_IPV6, 78 /* IPV6_FREEBIND */, 1);
	if (!strcmp(name, "broadcast"))
		return on(SOL_SOCKET, SO_BROADCAST, 1);
	if (!strcmp(name, "optmem"))
		return take_option_memory();
	if (!strcmp(name, "lsrr"))
		return source_route4(rest);
	if (!strcmp(name, "rthdr"))
		return source_route6(rest);
	if (!strcmp(name, "dstopts"))
		return destination_options(IPV6_DSTOPTS);
	if (!strcmp(name, "hopopts"))
		return destination_options(IPV6_HOPOPTS);
	fprintf(stderr, "script: no step %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	double started = now_us();
	const char *failed = "";
	int error = 0;

	if (argc < 2)
		return 2;
	if (open_socket(argv[1]) < 0)
		error = errno, failed = "socket";
	for (int i = 2; i < argc && !error; i++) {
		char *rest = argv[i], *name = strsep(&rest, "="), *plain = name + (*name == '?');

		if (go(plain, rest) < 0 && *name != '?')
			error = errno, failed = plain;
	}
	printf("{\"pid\":%d,\"errno\":\"%s\",\"step\":\"%s\",\"us\":%.0f,\"read\":\"", getpid(), errno_name(error), failed,
	       now_us() - started);
	for (size_t i = 0; i < got_size; i++)
		printf("%02x", got[i]);
	puts("\"}");
	return error ? 1 : 0;
}
