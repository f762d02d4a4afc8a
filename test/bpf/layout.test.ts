/** src/native/layout.ts says what the compiled object says: every offset, size and number against its BTF. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as layout from "../../src/native/layout.ts";
import * as vocabulary from "../../src/native/vocabulary.ts";
import { ROOT } from "../support/paths.ts";

interface BtfType {
	readonly kind: string;
	readonly name: string;
	readonly size?: number;
	readonly members?: readonly { readonly name: string; readonly bits_offset: number }[];
	readonly values?: readonly { readonly name: string; readonly val: number }[];
}

const types: readonly BtfType[] = JSON.parse(
	execFileSync("bpftool", ["-j", "btf", "dump", "file", join(ROOT, "native/build/sallyport.bpf.o"), "format", "raw"], {
		encoding: "utf8",
		maxBuffer: 64 << 20,
	}),
).types;

function typeOf(kind: "STRUCT" | "ENUM", name: string): BtfType {
	const found = types.find((type) => type.kind === kind && type.name === name);
	if (found === undefined) throw new Error(`BTF has no ${kind} ${name}`);
	return found;
}

/** C's name of a field, where it is not ours in snake case. */
const C_NAMES: Readonly<Record<string, string>> = {
	nameLength: "name_len",
	textLength: "text_len",
	pathLength: "path_len",
	argsLength: "args_len",
	methodLength: "method_len",
	device: "dev",
	rtt: "rtt_us",
	port: "remote_port",
};

const structs: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
	["sp_head", layout.HEAD],
	["sp_decision", layout.DECISION],
	["sp_named", layout.NAMED],
	["sp_request", layout.REQUEST],
	["sp_answer", layout.ANSWER],
	["sp_end", layout.FLOW_END],
	["sp_process", layout.PROCESS],
	["sp_cgroup", layout.CGROUP],
	["sp_control", layout.CONTROL],
	["sp_name", layout.NAME],
	["sp_learned", layout.LEARNED],
	["sp_flow_key", layout.FLOW_KEY],
	["sp_flow", layout.FLOW],
	["sp_policy_head", layout.POLICY_HEAD],
	["sp_judge_request", layout.JUDGE_REQUEST],
	["sp_parse_dns", layout.PARSE_DNS],
	["sp_parse_quic", layout.PARSE_QUIC],
	["sp_parse_request", layout.PARSE_REQUEST],
	["sp_text", layout.TEXT],
	["sp_http_reader", layout.HTTP_READER],
	["sp_learn_request", layout.LEARN_REQUEST],
];

/** Sizes that layout.ts holds beside the offsets of a struct. */
const NO_FIELD: readonly string[] = ["slots"];

describe.each(structs)("%s", (name, fields) => {
	const type = typeOf("STRUCT", name);

	test("its size", () => expect(fields["bytes"]).toBe(type.size));

	for (const [field, offset] of Object.entries(fields)) {
		if (field === "bytes" || NO_FIELD.includes(field)) continue;
		test(`the place of ${field}`, () => {
			const wanted = [C_NAMES[field], field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
			const member = type.members?.find((one) => wanted.includes(one.name));
			expect(member, `${name}.${field}`).toBeDefined();
			expect(offset).toBe((member?.bits_offset ?? 0) / 8);
		});
	}
});

/** Index in the list of names = value in the enum; C's name without its prefix is ours. */
const names: readonly (readonly [string, RegExp, readonly (string | null)[]])[] = [
	["sp_event_type", /^SP_EVENT_/, vocabulary.eventNames],
	["sp_phase", /^SP_PHASE_/, vocabulary.phaseNames],
	["sp_verdict", /^SP_/, vocabulary.verdictNames],
	["sp_hook", /^SP_HOOK_/, vocabulary.hookNames],
	["sp_reason", /^SP_(BY_)?/, vocabulary.reasonNames],
	["sp_end_how", /^SP_END_/, vocabulary.endNames],
	["sp_answer_count", /^SP_ANSWERS_/, vocabulary.answerNames],
	["sp_map_id", /^SP_MAP_/, vocabulary.mapNames],
	["sp_http_reason", /^SP_HTTP_/, layout.httpReasons],
];
const COUNTS_OF_VALUES: readonly string[] = ["SP_PHASES", "SP_VERDICTS", "SP_REASONS"];

test.each(names)("the names of %s", (name, prefix, ours) => {
	const values = (typeOf("ENUM", name).values ?? []).filter((value) => !COUNTS_OF_VALUES.includes(value.name));
	const theirs: (string | null)[] = ours.map(() => null);
	for (const value of values) theirs[value.val] = value.name.replace(prefix, "").toLowerCase();
	expect(ours).toEqual(theirs);
});

test.each([
	["sp_read_result", /^SP_READ_/, layout.READ_RESULT],
	["sp_hello_result", /^SP_HELLO_/, layout.HELLO_RESULT],
	["sp_quic_step", /^SP_STEP_/, layout.QUIC_STEP],
] as const)("the numbers of %s", (name, prefix, ours) => {
	const theirs = (typeOf("ENUM", name).values ?? []).map((value) => [
		value.name.replace(prefix, "").toLowerCase(),
		value.val,
	]);
	expect(ours).toEqual(Object.fromEntries(theirs));
});

test("the numbers of the counters", () => {
	const values = new Map((typeOf("ENUM", "sp_counter").values ?? []).map(({ name, val }) => [name, val]));
	const { decisionPhase: _phase, decisionVerdict: _verdict, bytes, ...counters } = layout.COUNT;
	for (const [name, index] of Object.entries(counters)) {
		const wanted = `SP_COUNT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
		expect(values.get(wanted), wanted).toBe(index);
	}
	expect(values.get("SP_COUNTERS")).toBe(bytes);
});
