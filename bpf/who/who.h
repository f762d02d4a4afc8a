/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The caller, for the hooks: stored in maps, and announced to user space once. */
#ifndef SALLYPORT_WHO_WHO_H
#define SALLYPORT_WHO_WHO_H

#include "cgroup.h"
#include "process.h"

static __always_inline __u32 sp_announcement(void)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? c->announce : 0;
}

/* Announces a cgroup. It is read again, because the announcement contains its path. */
__noinline int sp_announce_cgroup(struct sp_scratch *area, __u64 address)
{
	struct cgroup *cgroup = (struct cgroup *)address;
	struct sp_cgroup_ids *ids;
	__u64 now = bpf_ktime_get_ns();

	if (!area)
		return 0;
	ids = sp_learn_cgroup(area, cgroup, BPF_CORE_READ(cgroup, kn, id));
	sp_event_head(&area->cgroup.head, SP_EVENT_CGROUP, sizeof(area->cgroup), now);
	if (!sp_emit(&area->cgroup, sizeof(area->cgroup), SP_EVENT_CGROUP, now, SP_WHO) && ids)
		ids->announced = sp_announcement();
	return 0;
}

/* False for a cgroup that is not in the maps (any more), too. Not inlined: on Linux
 * 6.1 the frame of sendmsg has room for 160 bytes, because the calls that read a cgroup need the rest. */
__noinline int sp_is_cgroup_announced(__u64 id)
{
	struct sp_cgroup_ids *ids = sp_ids_of_cgroup(id);

	return ids && ids->announced == sp_announcement();
}

static __always_inline void sp_ensure_cgroup(struct sp_scratch *area, struct cgroup *cgroup)
{
	if (!sp_is_cgroup_announced(area->subject.cgroup))
		sp_announce_cgroup(area, (__u64)cgroup);
}

/* Announces the current process, and its cgroup first, if they are new or have changed. */
__noinline int sp_announce_caller(struct sp_scratch *area)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sp_subject *who;
	struct sp_process *p;
	__u64 now;
	__u32 tgid;

	if (!area || !sp_policy_in_force()) /* without a policy there is no hash key */
		return 0;
	who = &area->subject;
	tgid = who->tgid;
	sp_ensure_cgroup(area, BPF_CORE_READ(task, cgroups, dfl_cgrp));
	p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p || p->head.start != who->start)
		p = sp_learn_process(area, task, SP_PROCESS_FORKED);
	else
		bpf_probe_read_kernel(&area->process, sizeof(area->process), p);
	if (!p)
		return 0;
	who->exe_hash = p->exe_hash;
	p->head.cgroup = who->cgroup;
	now = bpf_ktime_get_ns();
	area->process.head.cgroup = who->cgroup;
	area->process.head.cookie = 0;
	sp_event_head(&area->process.head, SP_EVENT_PROCESS, sizeof(area->process), now);
	if (!sp_emit(&area->process, sizeof(area->process), SP_EVENT_PROCESS, now, SP_WHO))
		p->head.cookie = sp_announcement();
	return 0;
}

/* Makes the current task the subject. It and its cgroup are known to the maps and to user space before the first event
 * that names them. */
static __always_inline void sp_subject_from_current(struct sp_scratch *area)
{
	struct task_struct *task = bpf_get_current_task_btf(); /* typed: its fields are plain loads */
	struct task_struct *leader = task->group_leader;
	struct sp_subject *who = &area->subject;
	__u32 tgid = task->tgid;
	struct sp_process *p;

	who->tgid = tgid;
	who->uid = bpf_get_current_uid_gid();
	who->start = leader->start_boottime;
	who->cgroup = bpf_get_current_cgroup_id();
	p = bpf_map_lookup_elem(&processes, &tgid);
	if (p && p->head.start == who->start && p->head.cookie == sp_announcement() && p->head.cgroup == who->cgroup &&
	    sp_is_cgroup_announced(who->cgroup)) {
		who->exe_hash = p->exe_hash;
		__builtin_memcpy(who->comm, p->comm, sizeof(who->comm));
		return;
	}
	bpf_probe_read_kernel_str(who->comm, sizeof(who->comm), &leader->comm);
	sp_announce_caller(area);
}

#endif
