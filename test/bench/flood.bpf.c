/* SPDX-License-Identifier: GPL-2.0-only OR MIT
 * Events without sockets. Each run counts and reports one connection and its end, by the code of the hooks
 * (bpf/traffic/record.h, bpf/kernel/report.h), in the daemon's maps, which the loader passes in. Runs by
 * BPF_PROG_TEST_RUN. */
#include <stdbool.h>
#include "../../bpf/wire/event.h"
#include "../../bpf/wire/core.h"
#include "../../bpf/traffic/record.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Socket cookies that no real socket has. */
static __u64 cookie = 1ULL << 48;

/* Input: the process to report. */
struct flood_who {
	__u64 start, cgroup;
	__u32 tgid, generation;
};

static __always_inline void flood_end(const struct sp_subject *s)
{
	__u64 now = bpf_ktime_get_ns();
	struct sp_end *end = bpf_ringbuf_reserve(&events, sizeof(*end), 0);

	if (!end) {
		sp_count(SP_COUNT_LOST + SP_EVENT_END);
		return;
	}
	__builtin_memset(end, 0, sizeof(*end));
	sp_event_head(&end->head, SP_EVENT_END, sizeof(*end), now);
	end->head.cookie = s->cookie;
	end->bytes_out = 100;
	end->bytes_in = 1000;
	end->packets_out = end->packets_in = 5;
	end->how = SP_END_LOCAL;
	end->protocol = IPPROTO_TCP;
	__builtin_memcpy(end->remote, s->remote, 16);
	__builtin_memcpy(end->local, s->local, 16);
	end->remote_port = s->remote_port;
	end->local_port = s->local_port;
	bpf_ringbuf_submit(end, sp_wakeup_flag(now, false));
	sp_count(SP_COUNT_EVENT + SP_EVENT_END);
}

SEC("tc") int flood(struct __sk_buff *skb)
{
	struct flood_who *who = (void *)(long)skb->data;
	struct sp_scratch *area;
	struct sp_subject *s;
	__u64 own;

	if ((void *)(who + 1) > (void *)(long)skb->data_end)
		return -1;
	area = sp_scratch_claim();
	if (!area)
		return -1;
	own = __sync_fetch_and_add(&cookie, 1);
	s = &area->subject;
	s->cookie = own;
	s->start = who->start;
	s->cgroup = who->cgroup;
	s->tgid = who->tgid;
	s->generation = who->generation;
	/* 198.18.0.0/16, IPv4 mapped */
	s->remote[1] = 0xffff0000ULL | 0x12c6ULL << 32 | (own & 0xffff) << 48;
	s->local[1] = 0xffff0000ULL | 0x0100007fULL << 32;
	s->remote_port = 443;
	s->local_port = 32768 + (own & 0x7fff);
	s->protocol = IPPROTO_TCP;
	s->phase = SP_PHASE_CONNECT;
	s->hook = SP_HOOK_CONNECT;
	s->mode = SP_MODE_ENFORCE;
	s->action = SP_ALLOW;
	s->reason = SP_BY_DEFAULT;
	s->rule = s->alert = SP_NO_RULE;
	__builtin_memcpy(s->comm, "flood", 6);
	sp_record_connect(s);
	flood_end(s);
	sp_scratch_release(area);
	return 0;
}
