/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* exec() and exit(). exec() only stores the process. It is announced to user space when it first uses the network. */
#ifndef SALLYPORT_HOOKS_EXEC_H
#define SALLYPORT_HOOKS_EXEC_H

#include "../who/who.h"

SEC("tp_btf/sched_process_exec") int BPF_PROG(process_exec, struct task_struct *task)
{
	struct sp_scratch *s;

	if (!sp_policy_in_force())
		return 0;
	s = sp_scratch_claim();
	if (!s)
		return 0;
	sp_learn_process(s, task, 0);
	sp_scratch_release(s);
	return 0;
}

SEC("tp_btf/sched_process_exit") int BPF_PROG(process_exit, struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, pid), tgid = BPF_CORE_READ(task, tgid);

	if (pid == tgid)
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

#endif
