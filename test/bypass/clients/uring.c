/* SPDX-License-Identifier: MIT
 * connect() and send() by io_uring, without the system calls of these names:
 *   uring tcp|udp|udpto plain|poll ADDRESS PORT TEXT
 * poll: a kernel thread does the work (IORING_SETUP_SQPOLL). udpto: sendmsg with a destination, without connect.
 * Prints {"pid":..,"errno":..,"step":..}. */
#include "client.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

struct ring {
	int fd, polled;
	unsigned *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int set_up(struct ring *ring, int polled)
{
	struct io_uring_params p = {.flags = polled ? IORING_SETUP_SQPOLL : 0, .sq_thread_idle = 100};
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (ring->fd < 0)
		return -1;
	ring->polled = polled;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED,
		  ring->fd, IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED,
			  ring->fd, IORING_OFF_SQES);
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->sq_flags = (void *)(sq + p.sq_off.flags);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Runs one operation for at most 3 s. Returns its result: 0 or more, or a negative errno. */
static int operate(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned tail = *ring->sq_tail, index = tail & *ring->sq_mask, head = *ring->cq_head;
	double until = now_us() + 3e6;
	int result;

	ring->sqes[index] = *sqe;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (!ring->polled)
		syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
	else if (__atomic_load_n(ring->sq_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
		syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head) {
		if (now_us() > until)
			return -ETIMEDOUT;
		usleep(500);
		if (!ring->polled)
			syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	}
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static int report(int result, const char *step)
{
	printf("{\"pid\":%d,\"errno\":\"%s\",\"step\":\"%s\"}\n", getpid(), errno_name(result < 0 ? -result : 0),
	       result < 0 ? step : "");
	return result < 0;
}

int main(int argc, char **argv)
{
	struct io_uring_sqe connect_to_it = {.opcode = IORING_OP_CONNECT}, send_it = {.opcode = IORING_OP_SEND};
	struct iovec part;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct ring ring = {};
	struct peer peer;
	int fd, result;

	if (argc < 6)
		return 2;
	peer = peer_of(argv[3], atoi(argv[4]));
	if (set_up(&ring, !strcmp(argv[2], "poll")) < 0)
		return report(-errno, "setup");
	fd = socket(peer.family, *argv[1] == 't' ? SOCK_STREAM : SOCK_DGRAM, 0);
	part = (struct iovec){argv[5], strlen(argv[5])};
	send_it.fd = connect_to_it.fd = fd;
	send_it.msg_flags = MSG_NOSIGNAL;
	if (!strcmp(argv[1], "udpto")) {
		message.msg_name = &peer.address;
		message.msg_namelen = peer.length;
		send_it.opcode = IORING_OP_SENDMSG;
		send_it.addr = (unsigned long)&message;
		send_it.len = 1;
		return report(operate(&ring, &send_it), "sendmsg");
	}
	connect_to_it.addr = (unsigned long)&peer.address;
	connect_to_it.off = peer.length;
	result = operate(&ring, &connect_to_it);
	if (result < 0)
		return report(result, "connect");
	send_it.addr = (unsigned long)argv[5];
	send_it.len = part.iov_len;
	return report(operate(&ring, &send_it), "send");
}
