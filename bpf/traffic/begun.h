/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The peers to which a UDP socket began a flow itself. The map `flows` may have evicted the flow when the peer's next
 * packet comes in, which must not make it inbound. */
#ifndef SALLYPORT_TRAFFIC_BEGUN_H
#define SALLYPORT_TRAFFIC_BEGUN_H

#include "flow_key.h"

#define SP_BEGUN_WORDS 16

/* A Bloom filter with two hash functions. For 20 peers it takes one server's client in 650 for one of them, whose
 * responses are then judged. */
struct sp_begun {
	__u64 peers[SP_BEGUN_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sp_begun);
} begun SP_KEPT SEC(".maps");

static __always_inline __u64 sp_peer_hash(const struct sp_flow_key *key)
{
	const __u64 *remote = (const __u64 *)key->remote;
	__u64 mixed = (remote[0] ^ key->remote_port) * 0x9e3779b97f4a7c15ULL ^ remote[1];

	return mixed * 0x9e3779b97f4a7c15ULL >> 44;
}

static __always_inline __u64 sp_peer_bit(__u64 hash)
{
	return 1ULL << (hash & 63);
}

static __always_inline __u32 sp_peer_word(__u64 hash)
{
	return hash >> 6 & (SP_BEGUN_WORDS - 1);
}

/* Notes that the socket sends to the peer of its own accord. Without room for the note no flow of the socket is
 * inbound. */
static __always_inline void sp_note_begun(struct bpf_sock *sk, const struct sp_flow_key *key)
{
	struct sp_begun *note = bpf_sk_storage_get(&begun, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	__u64 hash = sp_peer_hash(key);
	struct sp_socket *socket;

	if (note) {
		__sync_fetch_and_or(&note->peers[sp_peer_word(hash)], sp_peer_bit(hash));
		__sync_fetch_and_or(&note->peers[sp_peer_word(hash >> 10)], sp_peer_bit(hash >> 10));
		return;
	}
	socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (socket)
		socket->flags &= ~SP_SOCKET_CREATED;
	sp_count(SP_COUNT_MAP_FULL + SP_MAP_SOCKETS);
}

static __always_inline bool sp_has_begun(struct bpf_sock *sk, const struct sp_flow_key *key)
{
	struct sp_begun *note = bpf_sk_storage_get(&begun, sk, 0, 0);
	__u64 hash = sp_peer_hash(key);

	return note && note->peers[sp_peer_word(hash)] & sp_peer_bit(hash) &&
	       note->peers[sp_peer_word(hash >> 10)] & sp_peer_bit(hash >> 10);
}

#endif
