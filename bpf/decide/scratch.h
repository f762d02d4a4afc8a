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

/* For whom the addresses of an answer are learned, and what was found so far. */
struct sp_learning {
	__u64 netns; /* as in struct sp_learned_key */
	__u64 asker; /* as in struct sp_claim_key */
	__u8 covered; /* an allow rule covers the name of the answer */
	__u8 other_covered; /* and the name that its question stands for */
	__u8 reserved[6];
	__u32 floor, grace; /* of the policy in force [s] */
	__u32 addresses, broken; /* in the answer */
	__u64 target_lives; /* [ns] */
};

enum sp_other_step { SP_OTHER_TARGET, SP_OTHER_SERVICE, SP_OTHER_SUFFIX };

/* State of trying the names that a question stands for (traffic/stands_for.h). */
struct sp_other_names {
	__u64 asked; /* hash of the name in the question */
	__u64 part; /* hash of the part of it that is in name.entry; 0: none */
	__u32 length, labels; /* of that name */
	__u32 begin, end; /* of the part of it that is tried */
	__u32 alert; /* that the name in the question matched */
	__u32 service; /* offset behind the labels of a service; 0: none */
	__u32 step; /* enum sp_other_step: the next one */
	__u32 suffixes; /* bit n: the rightmost n labels are a known suffix that was not tried yet */
	__u32 shortened; /* length of a short name that a rule allows, too; 0: none */
};

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
			struct sp_learning learning;
			struct sp_dns_walk records;
			struct sp_other_names other;
			struct sp_dns_question section; /* the question that is judged */
			__u64 stands_for; /* of the question of the current answer */
			__u32 message; /* offset of the current answer in its bytes */
			__u32 target_count;
			__u32 target_at[SP_DNS_TARGETS_MAX]; /* offsets in the message */
			struct sp_packet packet;
			struct sp_dns_stream stream; /* before the packet, to restore on a denial */
			__u32 stream_end;
			__u64 expires;
			struct sp_text text;
			struct sp_reader reader;
			struct sp_dtls_reader dtls;
			enum sp_hello_result hello; /* result of the ClientHello in `text` */
			enum sp_hello_result read_hello; /* kept while something else is judged */
			__u32 read_length;
			__u32 read; /* enum sp_read_result */
			__u32 is_doubtful; /* a server may read other bytes than these as HTTP */
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
			__u8 in_slices, in_pods, spare[2];
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
