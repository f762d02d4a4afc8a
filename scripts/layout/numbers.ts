/** The text of src/native/layout.ts: sizes, offsets and numbers that the BPF programs and TypeScript share. */
import type { Btf } from "./btf.ts";

/** Structs by their name in TypeScript. */
export const STRUCTS = {
	HEAD: "sp_head",
	DECISION: "sp_decision",
	NAMED: "sp_named",
	REQUEST: "sp_request",
	ANSWER: "sp_answer",
	FLOW_END: "sp_end",
	PROCESS: "sp_process",
	CGROUP: "sp_cgroup",
	CONTROL: "sp_control",
	NAME: "sp_name",
	LEARNED: "sp_learned",
	LEARNED_KEY: "sp_learned_key",
	FLOW_KEY: "sp_flow_key",
	FLOW: "sp_flow",
	SHARE: "sp_share",
	POLICY_HEAD: "sp_policy_head",
	POLICY_TREES: "sp_policy_trees",
	SLOT: "sp_slot",
	PATH_PATTERN: "sp_path_pattern",
	JUDGE_REQUEST: "sp_judge_request",
	LEARN_REQUEST: "sp_learn_request",
	PARSE_REQUEST: "sp_parse_request",
	PARSE_DNS: "sp_parse_dns",
	PARSE_QUIC: "sp_parse_quic",
	READER: "sp_reader",
	TEXT: "sp_text",
	HTTP_READER: "sp_http_reader",
} as const;

interface Enum {
	readonly of: string;
	/** Removed from the names of the enumerators. */
	readonly prefix: RegExp;
	/** The enumerator whose value is the number of the others; exported as a constant. */
	readonly count?: string;
}

/** Enums by their name in TypeScript. */
export const ENUMS: Readonly<Record<string, Enum>> = {
	EVENT: { of: "sp_event_type", prefix: /^SP_EVENT_/ },
	PHASE: { of: "sp_phase", prefix: /^SP_PHASE_/, count: "SP_PHASES" },
	VERDICT: { of: "sp_verdict", prefix: /^SP_/, count: "SP_VERDICTS" },
	HOOK: { of: "sp_hook", prefix: /^SP_HOOK_/ },
	REASON: { of: "sp_reason", prefix: /^SP_(BY_)?/, count: "SP_REASONS" },
	END: { of: "sp_end_how", prefix: /^SP_END_/ },
	PROTOCOL: { of: "sp_protocol", prefix: /^SP_PROTOCOL_/ },
	HELLO_FLAG: { of: "sp_hello_flag", prefix: /^SP_HELLO_/ },
	REQUEST_FLAG: { of: "sp_request_flag", prefix: /^SP_REQUEST_/ },
	CGROUP_FLAG: { of: "sp_cgroup_flag", prefix: /^SP_CGROUP_/ },
	OUTCOME: { of: "sp_outcome", prefix: /^SP_OUTCOME_/ },
	ANSWER_FLAG: { of: "sp_answer_flag", prefix: /^SP_ANSWER_/ },
	FLOW_FLAG: { of: "sp_flow_flag", prefix: /^SP_FLOW_/ },
	JUDGE_FLAG: { of: "sp_judge_flag", prefix: /^SP_JUDGE_/ },
	COUNT: { of: "sp_counter", prefix: /^SP_COUNT_/, count: "SP_COUNTERS" },
	ANSWER_COUNT: { of: "sp_answer_count", prefix: /^SP_ANSWERS_/ },
	MAP_ID: { of: "sp_map_id", prefix: /^SP_MAP_/ },
	MODE: { of: "sp_mode", prefix: /^SP_MODE_/ },
	BINDING: { of: "sp_binding", prefix: /^SP_BINDING_/ },
	POLICY_FLAG: { of: "sp_policy_flag", prefix: /^SP_HAS_/ },
	TREE: { of: "sp_tree", prefix: /^SP_TREE_/, count: "SP_TREES" },
	VECTOR: { of: "sp_vector", prefix: /^SP_VEC_/ },
	ALWAYS: { of: "sp_always", prefix: /^SP_ALWAYS_/ },
	PARSE_KIND: { of: "sp_parse_kind", prefix: /^SP_PARSE_/ },
	READER_KIND: { of: "sp_reader_kind", prefix: /^SP_READER_/ },
	READ_RESULT: { of: "sp_read_result", prefix: /^SP_READ_/ },
	HELLO_RESULT: { of: "sp_hello_result", prefix: /^SP_HELLO_/ },
	QUIC_STEP: { of: "sp_quic_step", prefix: /^SP_STEP_/ },
	PARSE_DNS_RESULT: { of: "sp_parse_dns_result", prefix: /^SP_PARSE_DNS_/ },
	HTTP_RESULT: { of: "sp_http_result", prefix: /^SP_HTTP_/ },
	HTTP_REASON: { of: "sp_http_reason", prefix: /^SP_HTTP_/ },
};

const CONSTANTS = "sp_constant";
const CONSTANT_PREFIX = /^SP_CONSTANT_/;

/** @param header a comment for the top of the file */
export function numbersText(btf: Btf, header: string): string {
	requireComplete(btf);
	const parts = [`${header}// biome-ignore-all format: the lines are filled\n`];
	for (const [name, struct] of Object.entries(STRUCTS)) {
		parts.push(`/** struct ${struct}: offsets and size [bytes]. */\n${object(name, offsetsOf(btf, struct))}`);
	}
	for (const [name, { of, prefix, count }] of Object.entries(ENUMS)) {
		const values = btf.enumerators(of);
		const own = values.filter((value) => value.name !== count);
		const members = own.map((one): [string, number] => [camel(one.name.replace(prefix, "")), one.value]);
		const counts = values.filter((one) => one.name === count).map(({ name, value }) => constant(name, value));
		parts.push(`/** enum ${of}. */\n${object(name, members)}${counts.join("")}`);
	}
	const constants = btf
		.enumerators(CONSTANTS)
		.map(({ name, value }) => constant(name.replace(CONSTANT_PREFIX, ""), value));
	parts.push(`/** enum ${CONSTANTS}. */\n${constants.join("")}`);
	parts.push(`/** Names of the maps. */\n${filled("export const MAPS = [", btf.maps.map(quoted), "] as const;\n")}`);
	return parts.join("\n");
}

/** remote_port -> remotePort, name_len -> nameLength. */
export function camel(name: string): string {
	return name
		.toLowerCase()
		.replace(/_len\b/, "_length")
		.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Throws Error for an enum of the object that ENUMS lacks, which would otherwise be missing unnoticed. */
function requireComplete(btf: Btf): void {
	const listed = new Set([CONSTANTS, ...Object.values(ENUMS).map(({ of }) => of)]);
	const missing = btf.enums.filter((name) => !listed.has(name));
	if (missing.length > 0) throw new Error(`${missing.join(", ")}: add a name to ENUMS in scripts/layout/numbers.ts`);
}

function offsetsOf(btf: Btf, name: string): [string, number][] {
	const { size, fields } = btf.struct(name);
	const own = fields.filter(
		// A struct at the start has its own offsets, a union without a name none. Reserved fields and the Ethernet header of
		// test runs are zero.
		({ name, offset, isStruct }) =>
			name !== "" && !(isStruct && offset === 0) && !/^(reserved|spare|ethernet|\()/.test(name),
	);
	return [...own.map(({ name, offset }): [string, number] => [camel(name), offset]), ["bytes", size]];
}

function object(name: string, members: readonly (readonly [string, number])[]): string {
	const texts = members.map(([key, value]) => `${key}: ${value}`);
	return filled(`export const ${name} = {`, texts, "} as const;\n");
}

function constant(name: string, value: number): string {
	return `export const ${name.replace(/^SP_/, "").replace(/_LEN$/, "_LENGTH")} = ${value};\n`;
}

function filled(begin: string, items: readonly string[], end: string): string {
	const one = `${begin} ${items.join(", ")} ${end}`.replace("[ ", "[").replace(" ]", "]");
	if (one.length <= WIDTH) return one;
	const lines: string[] = [];
	let line = "";
	for (const item of items) {
		// A tab counts as four columns.
		if (line !== "" && line.length + item.length + 6 > WIDTH) {
			lines.push(line);
			line = "";
		}
		line += line === "" ? `${item},` : ` ${item},`;
	}
	return `${begin}\n${[...lines, line].map((text) => `\t${text}\n`).join("")}${end}`;
}

function quoted(text: string): string {
	return JSON.stringify(text);
}

const WIDTH = 120;
