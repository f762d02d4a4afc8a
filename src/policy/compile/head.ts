/** The first row of a compiled policy. */

import { PHASES, type Policy, type Rule } from "../model.ts";
import type { HashKey } from "./hash.ts";
import {
	BINDING,
	FLAG_CGROUP,
	FLAG_EXE,
	FLAG_METHOD,
	FLAG_NAMES,
	FLAG_PATH,
	FLAG_QUERY,
	FLAG_STATUS,
	FLAG_USER,
	HEAD,
	LAYOUT_VERSION,
	MAGIC,
	MODE,
	VERDICT,
} from "./row-layout.ts";

/** What the policy itself does not say. */
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
	/** Of the whole policy. */
	readonly rows: number;
	readonly pathsRow: number;
	readonly patternsRow: number;
	readonly statusRow: number;
	/** Of the automaton in use. */
	readonly pathWords: number;
	readonly pathPatterns: number;
	readonly alwaysRow: number;
}

/** Write struct sp_policy_head at the beginning of the rows. */
export function writeHead(view: DataView, policy: Policy, parts: HeadParts): void {
	const u32 = (at: number, value: number) => view.setUint32(at, value, true);
	const u16 = (at: number, value: number) => view.setUint16(at, value, true);
	u32(HEAD.magic, MAGIC);
	u32(HEAD.layout, LAYOUT_VERSION);
	u32(HEAD.generation, parts.generation);
	u32(HEAD.flags, flagsOf(policy.rules));
	view.setUint8(HEAD.mode, MODE[policy.mode]);
	view.setUint8(HEAD.binding, BINDING[policy.nameBinding]);
	for (const [i, phase] of PHASES.entries()) view.setUint8(HEAD.defaults + i, VERDICT[policy.defaults[phase]]);
	u16(HEAD.denyErrno, policy.denyErrno);
	u16(HEAD.rules, policy.rules.length);
	u16(HEAD.words, Math.max(1, Math.ceil(policy.rules.length / 64)));
	u16(HEAD.shapes, parts.shapes);
	for (const [i, word] of parts.hashKey.entries()) u32(HEAD.hashKey + 4 * i, word);
	u32(HEAD.ttlFloor, policy.ttl.floor);
	u32(HEAD.ttlGrace, policy.ttl.grace);
	u32(HEAD.shapesRow, parts.shapesRow);
	u32(HEAD.slotsRow, parts.slotsRow);
	u32(HEAD.vectorsRow, parts.vectorsRow);
	u32(HEAD.tableRow, parts.tableRow);
	u32(HEAD.tableMask, parts.tableMask);
	u32(HEAD.rows, parts.rows);
	u32(HEAD.pathsRow, parts.pathsRow);
	u32(HEAD.patternsRow, parts.patternsRow);
	u32(HEAD.statusRow, parts.statusRow);
	u16(HEAD.pathWords, parts.pathWords);
	u16(HEAD.pathPatterns, parts.pathPatterns);
	u32(HEAD.alwaysRow, parts.alwaysRow);
}

function flagsOf(rules: readonly Rule[]): number {
	const flag = (bit: number, has: (rule: Rule) => boolean) => (rules.some(has) ? bit : 0);
	return (
		flag(FLAG_NAMES, ({ to }) => to.domain !== null) |
		flag(FLAG_EXE, ({ from }) => from.exe !== null) |
		flag(FLAG_USER, ({ from }) => from.user !== null) |
		flag(FLAG_CGROUP, ({ from }) => from.unit !== null || from.container !== null || from.cgroup !== null) |
		flag(FLAG_METHOD, ({ to }) => to.method !== null) |
		flag(FLAG_PATH, ({ to }) => to.path !== null) |
		flag(FLAG_QUERY, ({ to }) => to.path?.some((pattern) => pattern.includes("?")) ?? false) |
		flag(FLAG_STATUS, ({ to }) => to.status !== null)
	);
}
