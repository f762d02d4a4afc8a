/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Who asks: the process (program file, parent, arguments) and the cgroup (unit, container), read by the kernel itself, so
 * that a process of 5 ms and a unit restarted while the daemon is down are known like any other. */
#ifndef SALLYPORT_WHO_H
#define SALLYPORT_WHO_H

#include "scratch.h"

#define SP_ARGS_READ (SP_TEXT_MAX - 1)

static __always_inline struct sp_policy_head *sp_policy_in_force(void)
{
	__u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&policy, &zero);

	return rows ? bpf_map_lookup_elem(rows, &zero) : NULL;
}

static __always_inline void sp_hash_key(__u32 *key)
{
	struct sp_policy_head *head = sp_policy_in_force();

	key[0] = head ? head->hash_key[0] : 0;
	key[1] = head ? head->hash_key[1] : 0;
}

/* --- the program's file: path inside its file system, leaf first, as the dentries say (no mounts, so a bind mount over it
 * is another file) --- */

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
	__u32 key[2];

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
	sp_hash_begin(&s->hash, key[0], key[1]);
	sp_hash_byte(&s->hash, 'e');
	for (int i = 0; i < 4; i++)
		sp_hash_byte(&s->hash, p->dev >> (8 * i));
	bpf_loop(p->path_len, sp_path_hash_step, &s, 0);
	p->exe_hash = sp_hash_end(&s->hash);
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

/* Write the current process into the map `processes`; head.cookie stays 0 until it is announced. */
static __always_inline struct sp_process *sp_learn_process(struct sp_scratch *s, struct task_struct *task, __u32 flags)
{
	struct sp_process *p = &s->process;
	struct sp_scratch *again;
	struct task_struct *parent = BPF_CORE_READ(task, group_leader, real_parent);
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
	bpf_probe_read_kernel_str(p->comm, sizeof(p->comm), &task->comm);
	bpf_probe_read_kernel_str(p->parent_comm, sizeof(p->parent_comm), &parent->comm);
	sp_read_exe(s, task);
	sp_read_args(p, task);
	again = sp_scratch_again(s);
	if (!again || bpf_map_update_elem(&processes, &tgid, &again->process, BPF_ANY)) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_PROCESSES);
		return NULL;
	}
	return bpf_map_lookup_elem(&processes, &tgid);
}

/* --- the cgroup: its path below the watched one, root first --- */

static __always_inline struct kernfs_node *sp_kernfs_parent(struct kernfs_node *kn)
{
	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ((struct kernfs_node___before_6_15 *)kn, parent);
}

struct sp_kernfs_walk {
	struct sp_scratch *s;
	struct kernfs_node *node;
	__u32 depth; /* components below the watched cgroup */
};

static long sp_kernfs_step(__u32 i, void *state)
{
	struct sp_kernfs_walk *w = state;
	struct kernfs_node *node = w->node;
	__u32 at = w->depth - 1 - i;

	if (at >= SP_DEPTH_MAX || !node)
		return 1;
	w->s->components[at] = BPF_CORE_READ(node, name);
	w->node = sp_kernfs_parent(node);
	return 0;
}

static __always_inline bool sp_is_hex(__u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* One byte of a component: into the unit's hash, the path's hash, and the search for a container id (64 hex digits on their own). */
static long sp_component_step(__u32 i, void *state)
{
	struct sp_scratch *s = *(struct sp_scratch **)state;
	__u8 c = s->cgroup.path[(s->part_at + i) % SP_TEXT_MAX];

	sp_hash_byte(&s->part, c);
	sp_hash_byte(&s->hash, c);
	if (sp_is_hex(c)) {
		s->hex++;
		return 0;
	}
	if (s->hex == 64)
		s->hex_at = i - 64;
	s->hex = 0;
	return 0;
}

static __always_inline bool sp_at(const struct sp_scratch *s, __u32 at, const char *text, __u32 length)
{
	for (__u32 i = 0; i < length; i++)
		if (s->cgroup.path[(at + i) % SP_TEXT_MAX] != text[i])
			return false;
	return true;
}

#define SP_AT(s, at, text) sp_at(s, at, text, sizeof(text) - 1)

/* Where in the component a container's id or name stands. docs/deciding.md, "container". */
static __always_inline void sp_find_container(struct sp_scratch *s, __u32 at, __u32 length)
{
	__u32 from = 0, behind = 0;

	s->container_length = 0;
	if (s->hex_at != ~0U) {
		s->container_at = at + s->hex_at;
		s->container_length = 12;
		return;
	}
	if (SP_AT(s, at, "lxc.payload.")) {
		from = 12;
	} else if (SP_AT(s, at, "machine-") && length > 6 && SP_AT(s, at + length - 6, ".scope")) {
		from = 8;
		behind = 6;
	} else if (SP_AT(s, at, "systemd-nspawn@") && length > 8 && SP_AT(s, at + length - 8, ".service")) {
		from = 15;
		behind = 8;
	}
	if (from == 0 || length <= from + behind)
		return;
	s->container_at = at + from;
	s->container_length = length - from - behind;
}

static long sp_container_step(__u32 i, void *state)
{
	struct sp_scratch *s = *(struct sp_scratch **)state;

	sp_hash_byte(&s->part, s->cgroup.path[(s->container_at + i) % SP_TEXT_MAX]);
	return 0;
}

struct sp_cgroup_walk {
	struct sp_scratch *s;
	__u32 key[2];
};

static long sp_cgroup_step(__u32 i, void *state)
{
	struct sp_cgroup_walk *w = state;
	struct sp_scratch *s = w->s;
	struct sp_cgroup_ids *ids = &s->ids;
	__u32 at = s->at, length;
	bool slice;
	long got;

	if (at >= SP_TEXT_MAX / 2)
		return 1;
	got = bpf_probe_read_kernel_str(s->cgroup.path + at, SP_TEXT_MAX / 2, s->components[i % SP_DEPTH_MAX]);
	if (got <= 1 || got > SP_TEXT_MAX / 2)
		return 1;
	length = got - 1;
	s->cgroup.path[(at + length) % SP_TEXT_MAX] = '/';
	s->at = at + length + 1;

	s->part_at = at;
	s->hex = 0;
	s->hex_at = ~0U;
	sp_hash_begin(&s->part, w->key[0], w->key[1]);
	sp_hash_byte(&s->part, 'u');
	bpf_loop(length, sp_component_step, &s, 0);
	if (s->hex == 64)
		s->hex_at = length - 64;
	sp_hash_byte(&s->hash, '/');
	if (ids->paths < SP_IDS_PATHS_MAX)
		ids->hash[SP_IDS_PATH + (ids->paths++ & 15)] = sp_hash_end(&s->hash);

	slice = length > 6 && SP_AT(s, at + length - 6, ".slice");
	if (s->in_slices && ids->units < SP_IDS_UNITS_MAX)
		ids->hash[SP_IDS_UNIT + (ids->units++ & 7)] = sp_hash_end(&s->part);
	s->in_slices = s->in_slices && slice;

	if (ids->containers == 0) {
		sp_find_container(s, at, length);
		if (s->container_length) {
			sp_hash_begin(&s->part, w->key[0], w->key[1]);
			sp_hash_byte(&s->part, 'c');
			sp_hash_byte(&s->part, '*');
			ids->hash[SP_IDS_CONTAINER] = sp_hash_end(&s->part);
			sp_hash_begin(&s->part, w->key[0], w->key[1]);
			sp_hash_byte(&s->part, 'c');
			bpf_loop(s->container_length, sp_container_step, &s, 0);
			ids->hash[SP_IDS_CONTAINER + 1] = sp_hash_end(&s->part);
			ids->containers = 2;
		}
	}
	return 0;
}

/* Write the cgroup into the map `cgroups`, and leave its path in s->cgroup. */
static __always_inline struct sp_cgroup_ids *sp_learn_cgroup(struct sp_scratch *s, struct cgroup *cgroup, __u64 id)
{
	struct sp_kernfs_walk up = {.s = s, .node = BPF_CORE_READ(cgroup, kn)};
	struct sp_cgroup_walk down = {.s = s};
	struct sp_scratch *again;
	struct sp_control *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&control, &zero);
	if (!c)
		return NULL;
	up.depth = BPF_CORE_READ(cgroup, level);
	up.depth = up.depth > c->root_level ? up.depth - c->root_level : 0;
	if (up.depth > SP_DEPTH_MAX)
		up.depth = SP_DEPTH_MAX;
	__builtin_memset(&s->ids, 0, sizeof(s->ids));
	__builtin_memset(&s->cgroup.head, 0, sizeof(s->cgroup.head));
	s->at = 0;
	s->in_slices = 1;
	sp_hash_key(down.key);
	sp_hash_begin(&s->hash, down.key[0], down.key[1]);
	sp_hash_byte(&s->hash, 'g');
	bpf_loop(up.depth, sp_kernfs_step, &up, 0);
	bpf_loop(up.depth, sp_cgroup_step, &down, 0);
	s->cgroup.head.cgroup = id;
	s->cgroup.path_len = s->at;
	again = sp_scratch_again(s);
	if (!again || bpf_map_update_elem(&cgroups, &id, &again->ids, BPF_ANY)) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_CGROUPS);
		return NULL;
	}
	return bpf_map_lookup_elem(&cgroups, &id);
}

/* --- asked by the hooks --- */

static __always_inline __u32 sp_announcement(void)
{
	__u32 zero = 0;
	struct sp_control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? c->announce : 0;
}

/* Announce a cgroup, and learn it anew: its path is in the announcement. */
__noinline int sp_announce_cgroup(struct sp_scratch *area, __u64 address)
{
	struct cgroup *cgroup = (struct cgroup *)address;
	struct sp_cgroup_ids *ids;
	__u64 now = bpf_ktime_get_ns();

	if (!area)
		return 0;
	ids = sp_learn_cgroup(area, cgroup, BPF_CORE_READ(cgroup, kn, id));
	sp_event_head(&area->cgroup.head, SP_EVENT_CGROUP, sizeof(area->cgroup), now);
	if (!sp_emit(&area->cgroup, sizeof(area->cgroup), SP_EVENT_CGROUP, now, false) && ids)
		ids->announced = sp_announcement();
	return 0;
}

static __always_inline void sp_know_cgroup(struct sp_scratch *area, struct cgroup *cgroup)
{
	__u64 id = area->subject.cgroup;
	struct sp_cgroup_ids *ids = bpf_map_lookup_elem(&cgroups, &id);

	if (!ids || ids->announced != sp_announcement())
		sp_announce_cgroup(area, (__u64)cgroup);
}

/* The current process has not been announced as it is now: do so, and its cgroup first. */
__noinline int sp_announce_caller(struct sp_scratch *area)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sp_subject *who;
	struct sp_process *p;
	__u64 now;
	__u32 tgid;

	if (!area || !sp_policy_in_force()) /* no policy: no hash key yet */
		return 0;
	who = &area->subject;
	tgid = who->tgid;
	sp_know_cgroup(area, BPF_CORE_READ(task, cgroups, dfl_cgrp));
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
	if (!sp_emit(&area->process, sizeof(area->process), SP_EVENT_PROCESS, now, false))
		p->head.cookie = sp_announcement();
	return 0;
}

/* The current task is the subject. It and its cgroup are known to the maps and to user space before the first event that names
 * them. */
static __always_inline void sp_who_is_current(struct sp_scratch *area)
{
	struct task_struct *task = bpf_get_current_task_btf(); /* typed: its fields are plain loads */
	struct sp_subject *who = &area->subject;
	__u32 tgid = task->tgid;
	struct sp_process *p;

	who->tgid = tgid;
	who->uid = bpf_get_current_uid_gid();
	who->start = task->group_leader->start_boottime;
	who->cgroup = bpf_get_current_cgroup_id();
	p = bpf_map_lookup_elem(&processes, &tgid);
	if (p && p->head.start == who->start && p->head.cookie == sp_announcement() && p->head.cgroup == who->cgroup) {
		who->exe_hash = p->exe_hash;
		__builtin_memcpy(who->comm, p->comm, sizeof(who->comm));
		return;
	}
	bpf_probe_read_kernel_str(who->comm, sizeof(who->comm), &task->comm);
	sp_announce_caller(area);
}

#endif
