/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The BPF object: all hooks, and the programs that run only on request. README.md says in which order to read the
 * headers. */
#include <stdbool.h>
#include "wire/event.h"
#include "wire/core.h"
#include "hooks/connect.h"
#include "hooks/skb.h"
#include "hooks/exec.h"
#include "hooks/release.h"
#include "hooks/judge.h"
#include "hooks/parse_program.h"
#include "hooks/learn_address.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* BTF contains only the types of maps, functions and variables. User space also reads the following types, and
 * test/bpf/layout.test.ts checks the decoder against their BTF. */
const struct {
	struct sp_end end[0];
	struct sp_policy_head policy_head[0];
	struct sp_judge_request judge_request[0];
	struct sp_parse_request parse_request[0];
	struct sp_learn_request learn_request[0];
	enum sp_event_type event_type;
	enum sp_phase phase;
	enum sp_http_reason http_reason;
	enum sp_verdict verdict;
	enum sp_hook hook;
	enum sp_reason reason;
	enum sp_end_how end_how;
	enum sp_counter counter;
	enum sp_answer_count answer;
	enum sp_map_id map;
	enum sp_parse_kind parse_kind;
	enum sp_read_result read_result;
	enum sp_quic_step quic_step;
	enum sp_hello_result hello_result;
} sp_wire_types = {};
