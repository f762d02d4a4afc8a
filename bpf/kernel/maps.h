/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The maps. wire/state.h describes their contents. Sizes are defaults that user space may change before it loads the
 * object. */
#ifndef SALLYPORT_KERNEL_MAPS_H
#define SALLYPORT_KERNEL_MAPS_H

#include "../wire/state.h"
#include "../wire/core.h"
#include "dns_socket.h"

/* Marks a map that a new version of the programs takes over, so that it enforces the same policy with the same
 * learned state from its first packet. Other maps start empty, as counters must: the previous daemon assigned
 * their slots. The loader (native/object.cc) finds the mark in the object's BTF. */
#define SP_KEPT __attribute__((btf_decl_tag("kept")))

/* clang-format off */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
		__uint(max_entries, 1);
		__uint(key_size, 4);
		__uint(value_size, SP_ROW);
	});
} policy SP_KEPT SEC(".maps");
/* clang-format on */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sp_control);
} control SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct sp_address);
	__type(value, __u32);
} resolvers SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct sp_name);
} names SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct sp_learned_key);
	__type(value, struct sp_learned);
} covered SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct sp_learned_key);
	__type(value, struct sp_learned);
} learned SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u32);
} suffixes SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sp_target_key);
	__type(value, struct sp_target);
} targets SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sp_claim_key);
	__type(value, struct sp_claims);
} claims SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sp_question_key);
	__type(value, struct sp_question);
} questions SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct sp_process);
} processes SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct sp_program);
} programs SP_KEPT SEC(".maps");

/* Other users cannot make such cgroups, so they cannot fill the map. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct sp_cgroup_ids);
} cgroups SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sp_cgroup_ids);
} user_cgroups SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sp_flow_key);
	__type(value, struct sp_flow);
} flows SP_KEPT SEC(".maps");

/* Accepted sockets inherit the storage of their listener, which marks them as inbound. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sp_socket);
} sockets SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sp_text);
} texts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sp_dns_socket);
} dns_sockets SP_KEPT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, struct sp_dns_buffer);
} dns_answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_RULE_COUNTERS);
	__type(key, __u32);
	__type(value, struct sp_rule_count);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sp_share);
} shares SEC(".maps");

#define SP_RING_BYTES (4 << 20)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SP_RING_BYTES);
} events SEC(".maps");

/* The socket that a connect hook has just allowed. Its SYN leaves in the same system call, usually on the same CPU, and
 * is not judged again. This only saves time: a SYN that is not found here is judged. */
struct sp_passed {
	__u64 cookie;
	__u64 remote[2];
	__u32 epoch; /* of the policy: see SP_EPOCH_SHIFT */
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sp_passed);
} passed SEC(".maps");

#endif
