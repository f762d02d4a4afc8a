/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The process of the caller: its executable, parent and arguments, read in the kernel, so that even a process that
 * lives for only 5 ms is identified. */
#ifndef SALLYPORT_WHO_PROCESS_H
#define SALLYPORT_WHO_PROCESS_H

#include "../decide/scratch.h"

#define SP_ARGS_READ (SP_TEXT_MAX - 1)

/* --- path of the executable within its file system, leaf first. It follows dentries and ignores mounts, so a bind
 * mount over an executable is another file. --- */

struct sp_dentry_walk {
	struct sp_scratch *s;
	struct dentry *dentry;
};

static long sp_dentry_step(__u32 i, void *state)
{
	struct sp_dentry_walk *w = state;
	struct sp_process *p = &w->s->process;
	struct dentry *dentry = w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	__u32 at = p->path_len;
	long length;

	if (parent == dentry)
		return 1;
	if (i == SP_DEPTH_MAX - 1 || at >= SP_TEXT_MAX / 2) {
		p->flags |= SP_PATH_CUT;
		return 1;
	}
	length = bpf_probe_read_kernel_str(p->path + at, SP_TEXT_MAX / 2, BPF_CORE_READ(dentry, d_name.name));
	if (length <= 0 || length > SP_TEXT_MAX / 2) {
		p->flags |= SP_PATH_CUT;
		return 1;
	}
	at += length - 1;
	p->path[at % SP_TEXT_MAX] = '/';
	p->path_len = at + 1;
	w->dentry = parent;
	return 0;
}

static long sp_path_hash_step(__u32 i, void *state)
{
	struct sp_scratch *s = *(struct sp_scratch **)state;

	sp_hash_byte(&s->hash, s->process.path[i % SP_TEXT_MAX]);
	return 0;
}

static __always_inline void sp_read_exe(struct sp_scratch *s, struct task_struct *task)
{
	struct sp_process *p = &s->process;
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct sp_dentry_walk walk = {.s = s};
	struct dentry *dentry;
	__u64 key[2];

	p->path_len = 0;
	p->dev = 0;
	p->inode = 0;
	p->exe_hash = 0;
	if (!exe)
		return;
	dentry = BPF_CORE_READ(exe, f_path.dentry);
	p->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	p->dev = BPF_CORE_READ(dentry, d_sb, s_dev);
	walk.dentry = dentry;
	bpf_loop(SP_DEPTH_MAX, sp_dentry_step, &walk, 0);
	if (p->flags & SP_PATH_CUT || p->path_len == 0)
		return;
	sp_hash_key(key);
	sp_hash_begin(&s->hash, key);
	sp_hash_byte(&s->hash, 'e');
	for (int i = 0; i < 4; i++)
		sp_hash_byte(&s->hash, p->dev >> (8 * i));
	bpf_loop(p->path_len, sp_path_hash_step, &s, 0);
	p->exe_hash = sp_hash_end(&s->hash);
}

/* --- the program of a process: the file that the kernel executed. A process can claim another one later (PR_SET_MM),
 * so its memory is not read again, and its children inherit the program. --- */

static __always_inline bool sp_keep_program(__u32 tgid, __u64 start, __u64 exe_hash)
{
	struct sp_program program = {.start = start, .exe_hash = exe_hash};

	if (!bpf_map_update_elem(&programs, &tgid, &program, BPF_ANY))
		return true;
	bpf_map_delete_elem(&programs, &tgid); /* the program before this exec() */
	sp_count(SP_COUNT_MAP_FULL + SP_MAP_PROGRAMS);
	return false;
}

/* Returns 0 if it is unknown. */
static __always_inline __u64 sp_program_of(__u32 tgid, __u64 start)
{
	struct sp_program *program = bpf_map_lookup_elem(&programs, &tgid);

	return program && program->start == start ? program->exe_hash : 0;
}

/* Replaces what sp_read_exe() found by what is known. A path that the process claims is not shown. */
static __always_inline void sp_correct_exe(struct sp_process *p, struct task_struct *task)
{
	__u64 known = SP_EXE_NONE;

	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		known = sp_program_of(p->head.tgid, p->head.start);
	if (p->exe_hash != known)
		p->path_len = 0;
	p->exe_hash = known;
}

static __always_inline void sp_read_args(struct sp_process *p, struct task_struct *task)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 length = end - start;

	p->args_len = 0;
	if (!start || end <= start)
		return;
	if (length > SP_ARGS_READ) {
		length = SP_ARGS_READ;
		p->flags |= SP_ARGS_CUT;
	}
	if (bpf_probe_read_user(p->args, length & SP_ARGS_READ, (void *)start) == 0)
		p->args_len = length;
}

static __always_inline __u64 sp_start_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* Writes the current process into the map `processes`. head.cookie stays 0 until the process is announced. */
static __always_inline struct sp_process *sp_learn_process(struct sp_scratch *s, struct task_struct *task, __u32 flags)
{
	struct sp_process *p = &s->process;
	struct sp_scratch *again;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent = BPF_CORE_READ(leader, real_parent, group_leader);
	__u32 tgid = BPF_CORE_READ(task, tgid);

	__builtin_memset(&p->head, 0, sizeof(p->head));
	p->head.tgid = tgid;
	p->head.start = sp_start_of(task);
	p->head.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	p->flags = flags;
	p->ppid = BPF_CORE_READ(parent, tgid);
	p->parent_start = sp_start_of(parent);
	p->uid = BPF_CORE_READ(task, cred, uid.val);
	p->gid = BPF_CORE_READ(task, cred, gid.val);
	bpf_probe_read_kernel_str(p->comm, sizeof(p->comm), &leader->comm);
	bpf_probe_read_kernel_str(p->parent_comm, sizeof(p->parent_comm), &parent->comm);
	sp_read_exe(s, task);
	if (flags & SP_PROCESS_FORKED)
		sp_correct_exe(p, task);
	else
		sp_keep_program(tgid, p->head.start, p->exe_hash);
	sp_read_args(p, task);
	again = sp_scratch_as_map_value(s);
	if (!again || bpf_map_update_elem(&processes, &tgid, &again->process, BPF_ANY)) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_PROCESSES);
		return NULL;
	}
	return bpf_map_lookup_elem(&processes, &tgid);
}

#endif
