import { BINDING, LAYOUT_VERSION, MODE, POLICY_FLAG, POLICY_HEAD, POLICY_MAGIC, VERDICT } from "../../native/layout.ts";
import { PHASES, type Policy, type Rule } from "../model.ts";
import type { HashKey } from "./hash.ts";

/** The fields of the head that compiling determines. */
export interface HeadParts {
	readonly generation: number;
	readonly hashKey: HashKey;
	/** Number of shapes. */
	readonly shapes: number;
	readonly shapesRow: number;
	readonly slotsRow: number;
	readonly vectorsRow: number;
	readonly tableRow: number;
	readonly tableMask: number;
	/** In the whole policy. */
	readonly rows: number;
	readonly pathsRow: number;
	readonly patternsRow: number;
	readonly statusRow: number;
	/** 64-bit words of the path automaton in use. */
	readonly pathWords: number;
	readonly pathPatterns: number;
	readonly alwaysRow: number;
	readonly endsRow: number;
	/** CLOCK_BOOTTIME [ns]; 0: none. */
	readonly firstEnd: bigint;
	readonly left: number;
}

/** Writes struct sp_policy_head to row 0 of `view`. */
export function writeHead(view: DataView, policy: Policy, parts: HeadParts): void {
	const u32 = (at: number, value: number) => view.setUint32(at, value, true);
	const u16 = (at: number, value: number) => view.setUint16(at, value, true);
	u32(POLICY_HEAD.magic, POLICY_MAGIC);
	u32(POLICY_HEAD.layout, LAYOUT_VERSION);
	u32(POLICY_HEAD.generation, parts.generation);
	u32(POLICY_HEAD.flags, flagsOf(policy.rules));
	view.setUint8(POLICY_HEAD.mode, MODE[policy.mode]);
	view.setUint8(POLICY_HEAD.binding, BINDING[policy.nameBinding]);
	for (const [i, phase] of PHASES.entries()) view.setUint8(POLICY_HEAD.defaults + i, VERDICT[policy.defaults[phase]]);
	view.setUint8(POLICY_HEAD.unread, VERDICT[policy.unread]);
	u16(POLICY_HEAD.denyErrno, policy.denyErrno);
	u16(POLICY_HEAD.rules, policy.rules.length);
	u16(POLICY_HEAD.words, Math.max(1, Math.ceil(policy.rules.length / 64)));
	u16(POLICY_HEAD.shapes, parts.shapes);
	for (const [i, word] of parts.hashKey.entries()) u32(POLICY_HEAD.hashKey + 4 * i, word);
	u32(POLICY_HEAD.ttlFloor, policy.ttl.floor);
	u32(POLICY_HEAD.ttlGrace, policy.ttl.grace);
	u32(POLICY_HEAD.shapesRow, parts.shapesRow);
	u32(POLICY_HEAD.slotsRow, parts.slotsRow);
	u32(POLICY_HEAD.vectorsRow, parts.vectorsRow);
	u32(POLICY_HEAD.tableRow, parts.tableRow);
	u32(POLICY_HEAD.tableMask, parts.tableMask);
	u32(POLICY_HEAD.rows, parts.rows);
	u32(POLICY_HEAD.pathsRow, parts.pathsRow);
	u32(POLICY_HEAD.patternsRow, parts.patternsRow);
	u32(POLICY_HEAD.statusRow, parts.statusRow);
	u16(POLICY_HEAD.pathWords, parts.pathWords);
	u16(POLICY_HEAD.pathPatterns, parts.pathPatterns);
	u32(POLICY_HEAD.alwaysRow, parts.alwaysRow);
	u32(POLICY_HEAD.endsRow, parts.endsRow);
	view.setBigUint64(POLICY_HEAD.firstEnd, parts.firstEnd, true);
	u32(POLICY_HEAD.left, parts.left);
}

/** SP_VEC_PLACED: rules that name both ends, so that DNS need not connect them. */
export function isPlaced({ to }: Rule): boolean {
	return to.cidr !== null && to.domain !== null;
}

function flagsOf(rules: readonly Rule[]): number {
	const flag = (bit: number, has: (rule: Rule) => boolean) => (rules.some(has) ? bit : 0);
	return (
		flag(POLICY_FLAG.names, ({ to }) => to.domain !== null) |
		flag(POLICY_FLAG.exe, ({ from }) => from.exe !== null) |
		flag(POLICY_FLAG.user, ({ from }) => from.user !== null) |
		flag(POLICY_FLAG.cgroup, ({ from }) => from.unit !== null || from.container !== null || from.cgroup !== null) |
		flag(POLICY_FLAG.method, ({ to }) => to.method !== null) |
		flag(POLICY_FLAG.path, ({ to }) => to.path !== null) |
		flag(POLICY_FLAG.query, ({ to }) => to.path?.some((pattern) => pattern.includes("?")) ?? false) |
		flag(POLICY_FLAG.status, ({ to }) => to.status !== null) |
		flag(POLICY_FLAG.placed, isPlaced)
	);
}
