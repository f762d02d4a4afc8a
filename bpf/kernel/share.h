/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Shares of the ring buffer. While it has room nobody is limited; above, each unit has a number of events a
 * second. */
#ifndef SALLYPORT_KERNEL_SHARE_H
#define SALLYPORT_KERNEL_SHARE_H

#include "maps.h"

#define SP_SHARE_NS 1000000000ULL
#define SP_SHARE_EVENTS 1024 /* in SP_SHARE_NS: a thirtieth of the ring */

/* Not on the stack, which is full on Linux 6.1. */
static const struct sp_share sp_new_share = {};

/* A user can make many cgroups below a unit, but no unit. */
static __always_inline __u64 sp_share_key(__u64 cgroup)
{
	struct sp_cgroup_ids *ids = bpf_map_lookup_elem(&cgroups, &cgroup);

	if (!ids)
		ids = bpf_map_lookup_elem(&user_cgroups, &cgroup);
	return ids && ids->units ? ids->hash[SP_IDS_UNIT + (ids->units - 1) % SP_IDS_UNITS_MAX] : cgroup;
}

/* Takes an event from one of the two shares of the cgroup: what it was allowed uses up nothing of the other, for its
 * denials. False: the share is used up, which is counted. */
__noinline int sp_take_share(__u64 cgroup, bool is_denial)
{
	__u64 now = bpf_ktime_get_ns(), key = sp_share_key(cgroup);
	struct sp_share *share = bpf_map_lookup_elem(&shares, &key);
	__u32 taken;

	if (!share) {
		bpf_map_update_elem(&shares, &key, &sp_new_share, BPF_NOEXIST);
		share = bpf_map_lookup_elem(&shares, &key);
		if (!share)
			return 1;
	}
	if (now - share->since >= SP_SHARE_NS) {
		share->since = now;
		share->ordinary = 0;
		share->denials = 0;
	}
	if (is_denial)
		taken = __sync_fetch_and_add(&share->denials, 1);
	else
		taken = __sync_fetch_and_add(&share->ordinary, 1);
	if (taken < SP_SHARE_EVENTS)
		return 1;
	share->cgroup = cgroup;
	__sync_fetch_and_add(&share->throttled, 1);
	return 0;
}

#endif
