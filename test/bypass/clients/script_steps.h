/* SPDX-License-Identifier: MIT
 * The steps of script.c that need more than one call. */
#ifndef SCRIPT_STEPS_H
#define SCRIPT_STEPS_H

#include "script_socket.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

/* Sends several messages with sendmmsg(), each to its own destination. */
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
		messages[many].msg_hdr = (struct msghdr){.msg_name = &peers[many].address,
							 .msg_namelen = peers[many].length,
							 .msg_iov = &parts[many],
							 .msg_iovlen = 1};
	}
	for (unsigned done = 0; done < many;) {
		int now = sendmmsg(sockets[at], messages + done, many - done, 0);

		if (now < 0)
			return -1;
		done += now;
	}
	return 0;
}

/* Sends a page by reference (MSG_ZEROCOPY) and changes it a moment later. */
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

/* Sends a file with sendfile(), or with splice() through a pipe. Changes the file afterwards if a second value is
 * given. */
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

/* Uses up the socket's option memory with a filter, so that no storage can be attached to it. */
static int take_option_memory(void)
{
	static struct sock_filter code[4096];
	struct sock_fprog program = {.filter = code};
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

/* Sets a loose source route by way of HOP (RFC 791 3.1). */
static int source_route4(char *rest)
{
	struct peer hop = peer_from(&rest);
	unsigned char option[12] = {1, 131, 7, 4};

	memcpy(option + 4, &((struct sockaddr_in *)&hop.address)->sin_addr, 4);
	return setsockopt(sockets[at], IPPROTO_IP, IP_OPTIONS, option, 8);
}

/* Sets a segment routing header by way of HOP (RFC 8754). The kernel fills in [0], the last segment. */
static int source_route6(char *rest)
{
	struct peer hop = peer_from(&rest);
	unsigned char header[40] = {0, 4, 4, 1, 1};

	header[3] = 1; /* segments left */
	header[4] = 1; /* last entry */
	memcpy(header + 24, &((struct sockaddr_in6 *)&hop.address)->sin6_addr, 16);
	return setsockopt(sockets[at], IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header));
}

/* Sets one header of destination or hop-by-hop options with padding. setsockopt() cannot set several. */
static int destination_options(int level)
{
	unsigned char header[8] = {0, 0, 1, 4, 0, 0, 0, 0};

	return setsockopt(sockets[at], IPPROTO_IPV6, level, header, sizeof(header));
}

/* Sends a frame of INTERFACE,MAC,PACKET. */
static int send_frame(char *rest)
{
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_halen = 6};
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

/* Lets the kernel forward a packet from a TUN device: NAME,PACKET */
static int forward(char *rest)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
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
	struct pollfd wait = {.fd = sockets[at], .events = POLLIN};
	int fd = poll(&wait, 1, patience(3000)) == 1 ? accept(sockets[at], NULL, NULL) : -1;

	if (fd < 0)
		return -1;
	at = count++;
	sockets[at] = fd;
	return 0;
}

/* Waits until a file exists, for at most half a minute. */
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
	struct pollfd wait = {.fd = sockets[at], .events = POLLIN};
	ssize_t size;

	if (poll(&wait, 1, patience(ms)) == 0)
		return 0;
	size = recv(sockets[at], got + got_size, sizeof(got) - got_size, 0);
	if (size > 0)
		got_size += size;
	return sent(size);
}

#endif
