/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The life of processes and cgroups. exec() only stores the process. It is announced to user space when it first uses
 * the network. */
#ifndef SALLYPORT_HOOKS_EXEC_H
#define SALLYPORT_HOOKS_EXEC_H

#include "../who/who.h"

SEC("tp_btf/sched_process_exec") int BPF_PROG(process_exec, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct sp_scratch *s = sp_policy_in_force() ? sp_scratch_claim() : NULL;

	if (!s) {
		bpf_map_delete_elem(&programs, &tgid);
		return 0;
	}
	sp_learn_process(s, task, 0);
	sp_scratch_release(s);
	return 0;
}

SEC("tp_btf/sched_process_fork") int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = BPF_CORE_READ(parent, tgid), child_tgid = BPF_CORE_READ(child, tgid);
	struct sp_program *program;

	if (child_tgid == tgid) /* a thread */
		return 0;
	program = bpf_map_lookup_elem(&programs, &tgid);
	if (program && program->start == sp_start_of(parent))
		sp_keep_program(child_tgid, sp_start_of(child), program->exe_hash);
	return 0;
}

/* The leader can end before other threads, which the process outlives. */
SEC("tp_btf/sched_process_exit") int BPF_PROG(process_exit, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	bpf_map_delete_elem(&processes, &tgid);
	bpf_map_delete_elem(&programs, &tgid);
	return 0;
}

/* Stores the programs of processes that are older than the hooks above, and writes a byte for each. Run once the hooks
 * are attached, until it writes nothing. */
SEC("iter/task") int find_programs(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sp_scratch *s;
	__u64 start;
	__u32 tgid;
	__u8 one = 1;

	if (!task || !BPF_CORE_READ(task, mm) || !sp_policy_in_force()) /* a task of the kernel has no memory */
		return 0;
	tgid = BPF_CORE_READ(task, tgid);
	start = sp_start_of(task);
	if (sp_program_of(tgid, start))
		return 0;
	s = sp_scratch_claim();
	if (!s)
		return 0;
	s->process.flags = 0;
	sp_read_exe(s, task);
	if (s->process.exe_hash && sp_keep_program(tgid, start, s->process.exe_hash))
		bpf_seq_write(ctx->meta->seq, &one, sizeof(one));
	sp_scratch_release(s);
	return 0;
}

static __always_inline int sp_forget_cgroup(struct cgroup *cgroup)
{
	__u64 id = BPF_CORE_READ(cgroup, kn, id);

	bpf_map_delete_elem(&cgroups, &id);
	return 0;
}

SEC("tp_btf/cgroup_rmdir") int BPF_PROG(cgroup_removed, struct cgroup *cgroup)
{
	return sp_forget_cgroup(cgroup);
}

/* A socket can send after its cgroup was removed. */
SEC("tp_btf/cgroup_release") int BPF_PROG(cgroup_released, struct cgroup *cgroup)
{
	return sp_forget_cgroup(cgroup);
}

#endif
