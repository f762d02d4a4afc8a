/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The storage of a TCP socket, as the functions that read its stream use it. */
#ifndef SALLYPORT_TRAFFIC_STREAM_SOCKET_H
#define SALLYPORT_TRAFFIC_STREAM_SOCKET_H

#include "traffic.h"

/* Returns the storage of a packet's socket, and the full socket in `*sk`; NULL if either is missing. */
static __always_inline struct sp_socket *sp_socket_of(struct __sk_buff *skb, struct bpf_sock **sk)
{
	*sk = skb->sk;
	if (!*sk)
		return NULL;
	*sk = bpf_sk_fullsock(*sk);
	return *sk ? bpf_sk_storage_get(&sockets, *sk, 0, 0) : NULL;
}

static __always_inline void sp_forget_text(struct bpf_sock *sk, struct sp_socket *socket)
{
	if (!(socket->flags & SP_SOCKET_CUT))
		return;
	socket->flags &= ~SP_SOCKET_CUT;
	bpf_sk_storage_delete(&texts, sk);
}

static __always_inline int sp_deny_stream(struct __sk_buff *skb, struct sp_socket *socket, const struct sp_subject *s)
{
	socket->flags &= ~SP_SOCKET_READING;
	socket->verdict = sp_verdict_of(s);
	return socket->verdict == SP_DENY ? sp_drop(skb) : SP_PASS;
}

#endif
