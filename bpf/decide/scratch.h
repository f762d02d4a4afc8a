/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Memory for state that exceeds the 512-byte stack. Programs on the same CPU can preempt and interrupt each other
 * (cgroup programs disable migration, not preemption), so a program claims one of several per-CPU areas. */
#ifndef SALLYPORT_DECIDE_SCRATCH_H
#define SALLYPORT_DECIDE_SCRATCH_H

#include "../kernel/maps.h"
#include "name.h"
#include "../parse/parse.h"
#include "../kernel/packet.h"
#include "../kernel/report.h"
#include "verdict.h"

#define SP_SCRATCH_SLOTS 8
#define SP_DEPTH_MAX 32 /* components of a path; a power of two */

struct sp_scratch {
	__u32 busy; /* its slot + 1; 0: free */
	struct sp_subject subject;
	struct sp_name_reader name;
	struct sp_window window __attribute__((aligned(8))); /* of the packet */
	struct sp_cursor cursor;
	union {
		struct {
			struct sp_named named;
			struct sp_dns_reader dns;
			struct sp_question question;
			struct sp_answer answer;
			struct sp_dns_walk records;
			struct sp_packet packet;
			struct sp_dns_stream stream; /* before the packet, to restore on a denial */
			__u32 stream_end;
			__u64 expires;
			struct sp_text text;
			struct sp_reader reader;
			enum sp_hello_result hello; /* result of the ClientHello in `text` */
			struct sp_request http;
		};
		struct {
			struct sp_process process;
			struct sp_cgroup cgroup;
			struct sp_cgroup_ids ids;
			struct sp_hash hash, part;
			const char *components[SP_DEPTH_MAX];
			__u32 at, part_at, hex, hex_at;
			__u32 container_at, container_length;
			__u32 root_named; /* components, from the root */
			__u8 in_slices, spare[3];
		};
		struct {
			struct sp_parse_request request;
			struct sp_parse_work request_work; /* working memory */
		};
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct sp_scratch);
} scratch SEC(".maps");

/* Returns NULL, and counts it, if all areas of this CPU are in use. */
static __always_inline struct sp_scratch *sp_scratch_claim(void)
{
	for (__u32 i = 0; i < SP_SCRATCH_SLOTS; i++) {
		__u32 slot = i;
		struct sp_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

		if (s && __sync_val_compare_and_swap(&s->busy, 0, slot + 1) == 0) {
			__builtin_memset(&s->subject, 0, __builtin_offsetof(struct sp_subject, candidates));
			return s;
		}
	}
	sp_count(SP_COUNT_NO_SCRATCH);
	return NULL;
}

/* Returns a claimed area as the value of its map. Before Linux 6.2 map helpers take keys and values only from the stack
 * and from maps, and the argument of a global function is neither to the verifier. */
static __always_inline struct sp_scratch *sp_scratch_as_map_value(const struct sp_scratch *area)
{
	__u32 slot = area->busy - 1;

	return bpf_map_lookup_elem(&scratch, &slot);
}

static __always_inline void sp_scratch_release(struct sp_scratch *s)
{
	sp_atomic_clear(&s->busy);
}

static __always_inline struct sp_policy_head *sp_policy_in_force(void)
{
	__u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&policy, &zero);

	return rows ? bpf_map_lookup_elem(rows, &zero) : NULL;
}

static __always_inline void sp_hash_key(__u64 *key)
{
	struct sp_policy_head *head = sp_policy_in_force();

	key[0] = head ? head->hash_key[0] : 0;
	key[1] = head ? head->hash_key[1] : 0;
}

#endif
