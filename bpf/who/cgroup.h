/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The cgroup of the caller: its unit and container, from the names of its kernfs nodes. So a unit that was restarted
 * while the daemon was down is known like any other. */
#ifndef SALLYPORT_WHO_CGROUP_H
#define SALLYPORT_WHO_CGROUP_H

#include "../decide/scratch.h"

/* --- path below the watched cgroup, root first --- */

#define SP_CONTAINER_ID 64 /* hex digits */
#define SP_CONTAINER_ID_KEPT 12 /* of these digits: wire/policy.h */

struct sp_root_walk {
	struct kernfs_node *node;
	__u32 root; /* of the watched cgroup */
	__u32 depth; /* components below the watched cgroup */
};

/* Counts components instead of using cgroup->level: a process in a cgroup namespace does not know the depth of its
 * root. */
static long sp_root_step(__u32 i, void *state)
{
	struct sp_root_walk *w = state;
	struct kernfs_node *node = w->node;

	if (!node || (__u32)BPF_CORE_READ(node, id) == w->root)
		return 1;
	w->node = sp_kernfs_parent(node);
	w->depth = i + 1;
	return 0;
}

/* True if another user than root owns the directory of the cgroup, and so can make and name others below it. */
static __always_inline bool sp_is_delegated(struct kernfs_node *node)
{
	struct kernfs_iattrs *attributes = BPF_CORE_READ(node, iattr);

	return attributes && BPF_CORE_READ(attributes, ia_uid.val) != 0;
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
	if (sp_is_delegated(node))
		w->s->root_named = at + 1;
	w->node = sp_kernfs_parent(node);
	return 0;
}

static __always_inline bool sp_is_hex(__u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Adds one byte of a component to the hashes of the unit and of the path, and to the search for a container id: exactly
 * 64 hex digits. */
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
	if (s->hex == SP_CONTAINER_ID)
		s->hex_at = i - SP_CONTAINER_ID;
	s->hex = 0;
	return 0;
}

static __always_inline bool sp_at(const struct sp_scratch *s, __u32 at, const char *text, __u32 length)
{
	__u8 differs = 0;

	/* no early exit: the verifier would follow the rest from each byte that may differ */
	for (__u32 i = 0; i < length; i++)
		differs |= s->cgroup.path[(at + i) % SP_TEXT_MAX] ^ text[i];
	return !differs;
}

#define SP_AT(s, at, text) sp_at(s, at, text, sizeof(text) - 1)

/* Finds the id or name of a container in the component: see "container" in docs/deciding.md. */
static __always_inline void sp_find_container(struct sp_scratch *s, __u32 at, __u32 length)
{
	__u32 from = 0, behind = 0;

	s->container_length = 0;
	if (s->hex_at != ~0U) {
		s->container_at = at + s->hex_at;
		s->container_length = SP_CONTAINER_ID_KEPT;
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

static long sp_cgroup_step(__u32 i, void *state)
{
	struct sp_scratch *s = *(struct sp_scratch **)state;
	struct sp_cgroup_ids *ids = &s->ids;
	__u32 at = s->at, length;
	bool named = i < s->root_named, slice;
	long got;

	if (at >= SP_TEXT_MAX / 2)
		return 1;
	/* Linux 6.1 forgets the bound of a number that was spilled to the stack before the comparison */
	at = sp_opaque(at) % (SP_TEXT_MAX / 2);
	got = bpf_probe_read_kernel_str(s->cgroup.path + at, SP_TEXT_MAX / 2, s->components[i % SP_DEPTH_MAX]);
	if (got <= 1 || got > SP_TEXT_MAX / 2)
		return 1;
	length = got - 1;
	s->cgroup.path[(at + length) % SP_TEXT_MAX] = '/';
	s->at = at + length + 1;
	if (named)
		s->cgroup.named_len = s->at;

	s->part_at = at;
	s->hex = 0;
	s->hex_at = ~0U;
	sp_hash_begin(&s->part, s->name.key);
	sp_hash_byte(&s->part, 'u');
	bpf_loop(length, sp_component_step, &s, 0);
	if (s->hex == SP_CONTAINER_ID)
		s->hex_at = length - SP_CONTAINER_ID;
	slice = length > 6 && SP_AT(s, at + length - 6, ".slice");
	if (slice || (s->in_pods && !SP_AT(s, at, "libpod-")))
		s->hex_at = ~0U; /* a pod */
	s->in_pods = length == 13 && SP_AT(s, at, "libpod_parent");
	sp_hash_byte(&s->hash, '/');
	if (ids->paths < SP_IDS_PATHS_MAX)
		ids->hash[SP_IDS_PATH + (ids->paths++ % SP_IDS_PATHS_MAX)] = sp_hash_end(&s->hash);

	if (named && s->in_slices && ids->units < SP_IDS_UNITS_MAX)
		ids->hash[SP_IDS_UNIT + (ids->units++ % SP_IDS_UNITS_MAX)] = sp_hash_end(&s->part);
	s->in_slices = s->in_slices && slice;

	if (named && ids->containers == 0) {
		sp_find_container(s, at, length);
		if (s->container_length) {
			sp_hash_begin(&s->part, s->name.key);
			sp_hash_byte(&s->part, 'c');
			sp_hash_byte(&s->part, '*');
			ids->hash[SP_IDS_CONTAINER] = sp_hash_end(&s->part);
			sp_hash_begin(&s->part, s->name.key);
			sp_hash_byte(&s->part, 'c');
			bpf_loop(s->container_length, sp_container_step, &s, 0);
			ids->hash[SP_IDS_CONTAINER + 1] = sp_hash_end(&s->part);
			ids->containers = SP_IDS_CONTAINERS_MAX;
		}
	}
	return 0;
}

/* Writes the cgroup into a map (kernel/maps.h), and leaves its path in s->cgroup. */
static __always_inline struct sp_cgroup_ids *sp_learn_cgroup(struct sp_scratch *s, struct cgroup *cgroup, __u64 id)
{
	struct sp_root_walk root = {.node = BPF_CORE_READ(cgroup, kn)};
	struct sp_kernfs_walk up = {.s = s, .node = root.node};
	struct kernfs_node *last;
	struct sp_scratch *again;
	struct sp_control *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&control, &zero);
	if (!c)
		return NULL;
	root.root = c->root;
	bpf_loop(SP_DEPTH_MAX, sp_root_step, &root, 0);
	__builtin_memset(&s->ids, 0, sizeof(s->ids));
	__builtin_memset(&s->cgroup.head, 0, sizeof(s->cgroup.head));
	s->cgroup.flags = 0;
	last = root.node;
	if (last && (__u32)BPF_CORE_READ(last, id) == root.root) {
		up.depth = root.depth;
	} else { /* a path without its beginning could be taken for another */
		s->ids.unknown = 1;
		s->cgroup.flags = SP_CGROUP_UNKNOWN;
	}
	s->cgroup.named_len = 0;
	s->at = 0;
	s->in_slices = 1;
	s->in_pods = 0;
	s->root_named = up.depth;
	sp_hash_key(s->name.key);
	sp_hash_begin(&s->hash, s->name.key);
	sp_hash_byte(&s->hash, 'g');
	bpf_loop(up.depth, sp_kernfs_step, &up, 0);
	bpf_loop(up.depth, sp_cgroup_step, &s, 0);
	s->cgroup.head.cgroup = id;
	s->cgroup.path_len = s->at;
	again = sp_scratch_as_map_value(s);
	if (!again)
		return NULL;
	if (up.depth && s->root_named == up.depth) {
		if (!bpf_map_update_elem(&cgroups, &id, &again->ids, BPF_ANY))
			return bpf_map_lookup_elem(&cgroups, &id);
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_CGROUPS);
	}
	if (bpf_map_update_elem(&user_cgroups, &id, &again->ids, BPF_ANY)) {
		sp_count(SP_COUNT_MAP_FULL + SP_MAP_CGROUPS);
		return NULL;
	}
	return bpf_map_lookup_elem(&user_cgroups, &id);
}

#endif
