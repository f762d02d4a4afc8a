/* SPDX-License-Identifier: MIT
 * A sequence of socket operations, so that a test can describe it in one line:
 *   script TYPE STEP...          TYPE: tcp4 tcp6 mptcp4 mptcp6 udp4 udp6 ping4 ping6 raw4,PROTOCOL raw6,PROTOCOL
 * A STEP is NAME or NAME=VALUE,... If it begins with "?", its failure does not end the script. Bytes are in hex.
 * Prints {"pid":..,"errno":"0" or that of the failed step,"step":"its name","read":"received bytes, hex","us":..}. */
#include "script_socket.h"
#include "script_steps.h"

#include <netinet/udp.h>

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
	if (!strcmp(name, "fin"))
		return shutdown(fd, SHUT_WR);
	if (!strcmp(name, "each")) { /* a segment for each byte; a pause [us] keeps the kernel from joining them */
		size = unhex(next(&rest), bytes);
		for (size_t i = 0; i < size; i++, usleep(rest ? atoi(rest) : 0))
			if (send(fd, bytes + i, 1, MSG_NOSIGNAL) < 0)
				return -1;
		return 0;
	}
	if (!strcmp(name, "fastopen")) {
		peer = peer_from(&rest);
		size = unhex(next(&rest), bytes);
		return sent(sendto(fd, bytes, size, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&peer.address,
				   peer.length));
	}
	if (!strcmp(name, "sendto")) {
		peer = peer_from(&rest);
		size = unhex(next(&rest), bytes);
		return sent(sendto(fd, bytes, size, MSG_NOSIGNAL, (struct sockaddr *)&peer.address, peer.length));
	}
	if (!strcmp(name, "sendmsg") || !strcmp(name, "moreto")) {
		struct iovec part = {.iov_base = bytes};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

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
	if (!strcmp(name, "tos")) /* TCP looks for its route again */
		return on(IPPROTO_IP, IP_TOS, atoi(rest));
	if (!strcmp(name, "pace")) /* [bytes/s], after the first ten segments: later sends wait and become one packet */
		return on(SOL_SOCKET, SO_MAX_PACING_RATE, atoi(rest));
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
	printf("{\"pid\":%d,\"errno\":\"%s\",\"step\":\"%s\",\"us\":%.0f,\"read\":\"", getpid(), errno_name(error),
	       failed, now_us() - started);
	for (size_t i = 0; i < got_size; i++)
		printf("%02x", got[i]);
	puts("\"}");
	return error ? 1 : 0;
}
