/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Types and numbers for user space. scripts/layout/ writes src/native/layout.ts and src/native/event-views.ts from the
 * object's BTF, which contains only the types of maps, functions and variables. A type that user space needs is
 * therefore a member of sp_layout_types, and a macro an enumerator of enum sp_constant. */
#ifndef SALLYPORT_LAYOUT_H
#define SALLYPORT_LAYOUT_H

#include "core.h"
#include "state.h"

enum sp_constant {
	SP_CONSTANT_LAYOUT_VERSION = SP_LAYOUT_VERSION,
	SP_CONSTANT_NO_RULE = SP_NO_RULE,
	SP_CONSTANT_NAME_MAX = SP_NAME_MAX,
	SP_CONSTANT_METHOD_MAX = SP_METHOD_MAX,
	SP_CONSTANT_PATH_MAX = SP_PATH_MAX,
	SP_CONSTANT_COMM_LEN = SP_COMM_LEN,
	SP_CONSTANT_TEXT_MAX = SP_TEXT_MAX,
	SP_CONSTANT_DNS_PORT = SP_DNS_PORT,
	SP_CONSTANT_NAMES_PER_ADDRESS = SP_NAMES_PER_ADDRESS,
	SP_CONSTANT_IDS_UNITS_MAX = SP_IDS_UNITS_MAX,
	SP_CONSTANT_IDS_PATHS_MAX = SP_IDS_PATHS_MAX,
	SP_CONSTANT_RULE_SLOTS = SP_RULE_SLOTS,
	SP_CONSTANT_POLICY_MAGIC = SP_POLICY_MAGIC,
	SP_CONSTANT_ROW = SP_ROW,
	SP_CONSTANT_RULES_MAX = SP_RULES_MAX,
	SP_CONSTANT_SHAPES_MAX = SP_SHAPES_MAX,
	SP_CONSTANT_LABELS_MAX = SP_LABELS_MAX,
	SP_CONSTANT_PROBE = SP_PROBE,
	SP_CONSTANT_TREE_LEVELS = SP_TREE_LEVELS,
	SP_CONSTANT_PATH_STATES = SP_PATH_STATES,
	SP_CONSTANT_PATH_BEGIN = SP_PATH_BEGIN,
	SP_CONSTANT_PATH_MANY = SP_PATH_MANY,
	SP_CONSTANT_PATH_ONE = SP_PATH_ONE,
	SP_CONSTANT_PATH_CHARS = SP_PATH_CHARS,
	SP_CONSTANT_PATH_ROWS = SP_PATH_ROWS,
	SP_CONSTANT_STATUS_MAX = SP_STATUS_MAX,
	SP_CONSTANT_ENDS_MAX = SP_ENDS_MAX,
};

/* IANA protocol numbers that user space has names for. */
enum sp_protocol {
	SP_PROTOCOL_ICMP = IPPROTO_ICMP,
	SP_PROTOCOL_TCP = IPPROTO_TCP,
	SP_PROTOCOL_UDP = IPPROTO_UDP,
	SP_PROTOCOL_ICMP6 = IPPROTO_ICMPV6,
};

/* An empty array takes no space in .rodata. bpftool leaves static variables out of the skeleton. */
static const struct {
	struct sp_end end[0];
	struct sp_share share[0];
	struct sp_policy_head policy_head[0];
	struct sp_policy_trees policy_trees[0];
	struct sp_slot slot[0];
	struct sp_path_pattern path_pattern[0];
	struct sp_judge_request judge_request[0];
	struct sp_parse_request parse_request[0];
	struct sp_learn_request learn_request[0];
	enum sp_event_type event_type[0];
	enum sp_phase phase[0];
	enum sp_verdict verdict[0];
	enum sp_hook hook[0];
	enum sp_reason reason[0];
	enum sp_end_how end_how[0];
	enum sp_hello_flag hello_flag[0];
	enum sp_request_flag request_flag[0];
	enum sp_answer_flag answer_flag[0];
	enum sp_outcome outcome[0];
	enum sp_cgroup_flag cgroup_flag[0];
	enum sp_flow_flag flow_flag[0];
	enum sp_judge_flag judge_flag[0];
	enum sp_counter counter[0];
	enum sp_answer_count answer_count[0];
	enum sp_map_id map_id[0];
	enum sp_mode mode[0];
	enum sp_binding binding[0];
	enum sp_policy_flag policy_flag[0];
	enum sp_tree tree[0];
	enum sp_vector vector[0];
	enum sp_always always[0];
	enum sp_parse_kind parse_kind[0];
	enum sp_reader_kind reader_kind[0];
	enum sp_read_result read_result[0];
	enum sp_hello_result hello_result[0];
	enum sp_quic_step quic_step[0];
	enum sp_parse_dns_result parse_dns_result[0];
	enum sp_http_result http_result[0];
	enum sp_http_reason http_reason[0];
	enum sp_protocol protocol[0];
	enum sp_constant constant; /* no array: a variable must have a size */
} sp_layout_types __attribute__((used)) = {};

#endif
