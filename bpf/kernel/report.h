/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counters and events. Counters are exact. Events may be lost, denials last of all, and each loss is counted. */
#ifndef SALLYPORT_KERNEL_REPORT_H
#define SALLYPORT_KERNEL_REPORT_H

#include "share.h"

#define SP_WAKEUP_BYTES (64 << 10)
#define SP_WAKEUP_NS 20000000ULL
#define SP_WAKEUP_FULL_NS 1000000ULL /* limits the wake-ups of a reader that is behind */

/* Occupancy of the ring up to which an event is still written. A unit that has used up its share writes denials up to a
 * quarter, and ordinary events up to eleven sixteenths. */
enum sp_weight {
	SP_ORDINARY, /* three quarters, so that allowed traffic cannot displace denials */
	SP_WHO, /* seven eighths, so that new processes cannot either */
	SP_DENIAL, /* all of it */
	SP_URGENT, /* all of it, and the reader is woken */
};

/* Atomic although the counter is per CPU: a program in a soft interrupt can run between load and store. */
static __always_inline void sp_count_by(__u32 counter, __u64 by)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, by);
}

static __always_inline void sp_count(__u32 counter)
{
	sp_count_by(counter, 1);
}

/* `cgroup`: 0 is unknown, and has no share. */
static __always_inline bool sp_has_room(enum sp_weight weight, __u64 cgroup)
{
	__u64 used;

	if (weight == SP_URGENT)
		return true;
	used = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	if (weight == SP_WHO)
		return used < SP_RING_BYTES / 8 * 7;
	if (weight == SP_ORDINARY && used >= SP_RING_BYTES / 8 * 6)
		return false;
	if (used < SP_RING_BYTES / 16 * (weight == SP_ORDINARY ? 11 : 4) || !cgroup ||
	    sp_take_share(cgroup, weight != SP_ORDINARY))
		return true;
	sp_count(SP_COUNT_THROTTLED);
	return false;
}

/* A wake-up costs more than a whole decision, so one serves many events unless an event is urgent. */
static __always_inline __u64 sp_wakeup_flag(__u64 now, enum sp_weight weight)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);
	__u64 since;

	if (!c)
		return 0;
	since = now - c->last_wakeup;
	if (weight != SP_URGENT && since < SP_WAKEUP_NS &&
	    (since < SP_WAKEUP_FULL_NS || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < SP_WAKEUP_BYTES))
		return BPF_RB_NO_WAKEUP;
	c->last_wakeup = now;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void sp_event_head(struct sp_head *head, __u8 type, __u16 size, __u64 now)
{
	head->size = size;
	head->type = type;
	head->version = SP_LAYOUT_VERSION;
	head->time = now;
}

static __always_inline int sp_emit(void *event, __u32 size, __u8 type, __u64 now, enum sp_weight weight)
{
	struct sp_head *head = event;

	if (!sp_has_room(weight, head->cgroup) ||
	    bpf_ringbuf_output(&events, event, size, sp_wakeup_flag(now, weight))) {
		sp_count(SP_COUNT_LOST + type);
		return -1;
	}
	sp_count(SP_COUNT_EVENT + type);
	return 0;
}

#endif
