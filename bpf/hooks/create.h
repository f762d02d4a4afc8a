/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The creation of a socket. The programs have seen all traffic of a socket that has the mark of this hook. Its creator
 * counts as the caller of a socket that sends without a connect or sendmsg hook. */
#ifndef SALLYPORT_HOOKS_CREATE_H
#define SALLYPORT_HOOKS_CREATE_H

#include "connect.h"

static __always_inline void sp_remember_creator(struct sp_socket *socket)
{
	struct sp_scratch *area = sp_scratch_claim();

	if (!area)
		return;
	sp_subject_from_current(area);
	sp_set_who(socket, &area->subject);
	sp_scratch_release(area);
}

/* TCP has no use for the mark, and its connect hook begins with new storage. */
SEC("cgroup/sock_create") int sock_create(struct bpf_sock *sk)
{
	struct sp_socket *socket;

	if (sk->type == SOCK_STREAM)
		return 1;
	socket = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
		return 1;
	}
	socket->flags |= SP_SOCKET_CREATED;
	if (sk->type == SOCK_RAW || sk->protocol != IPPROTO_UDP)
		sp_remember_creator(socket);
	return 1;
}

#endif
