/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Kernel fields that changed their place, and casts that CO-RE needs. Each entry names the kernel version, and the
 * commit where it is known. */
#ifndef SALLYPORT_WIRE_CORE_FIXES_H
#define SALLYPORT_WIRE_CORE_FIXES_H

#include <stdbool.h>

#include "core.h"

/* Returns the address in a typed pointer as a plain pointer. All kernels: the verifier forbids arithmetic on pointers
 * to sockets and buffers ("R1 pointer arithmetic on sock prohibited"), and BPF_CORE_READ adds offsets. A pointer that a
 * helper has read back from the stack has no type. */
static __always_inline void *sp_untyped(const void *typed)
{
	const void *volatile spilled = typed;
	void *plain = NULL;

	bpf_probe_read_kernel(&plain, sizeof(plain), (const void *)&spilled);
	return plain;
}

/* 741c10b096bc ("kernfs: Use RCU to access kernfs_node::parent", Linux 6.15) renamed kernfs_node::parent. */
static __always_inline struct kernfs_node *sp_kernfs_parent(struct kernfs_node *kn)
{
	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ((struct kernfs_node___before_6_15 *)kn, parent);
}

/* c274af224269 ("inet: introduce inet->inet_flags", Linux 6.6) turned bit fields into bits of inet_flags. Their numbers
 * are in an anonymous enum (net/inet_sock.h), which CO-RE cannot relocate. */
#define SP_INET_FLAGS_FREEBIND 11
#define SP_INET_FLAGS_TRANSPARENT 15

enum sp_inet_flag { SP_INET_FREEBIND = 1, SP_INET_TRANSPARENT = 2 };

static __always_inline __u32 sp_inet_flags(struct inet_sock *inet)
{
	struct inet_sock___before_6_6 *before;
	unsigned long flags;

	if (bpf_core_field_exists(inet->inet_flags)) {
		flags = BPF_CORE_READ(inet, inet_flags);
		return (flags >> SP_INET_FLAGS_FREEBIND & 1 ? SP_INET_FREEBIND : 0) |
		       (flags >> SP_INET_FLAGS_TRANSPARENT & 1 ? SP_INET_TRANSPARENT : 0);
	}
	before = (struct inet_sock___before_6_6 *)inet;
	return (BPF_CORE_READ_BITFIELD_PROBED(before, freebind) ? SP_INET_FREEBIND : 0) |
	       (BPF_CORE_READ_BITFIELD_PROBED(before, transparent) ? SP_INET_TRANSPARENT : 0);
}

#endif
