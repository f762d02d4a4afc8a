/**
 * The form in which records cross to the writer's thread: numbers in one array, each text and each process once a batch. A batch is
 * complete in itself: it can be sent again to another writer.
 */
import { PHASES } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import type { AnswerRecord, DaemonStart, PolicyChange } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";

/** Numbers of one decision. */
export const DECISION_FIELDS = 3;
/** Above every verdict (enum sp_verdict). */
const VERDICTS = 16;

/** Offsets in a row of `numbers`. A text is an index into `texts`; 0: none. */
export const FIELD = {
	id: 0,
	cookie: 1,
	flags: 2,
	last: 3,
	end: 4,
	name: 5,
	/** Index into `who`. */
	who: 6,
	protocol: 7,
	remote: 8,
	remotePort: 9,
	local: 10,
	localPort: 11,
	bytesOut: 12,
	bytesIn: 13,
	packetsOut: 14,
	packetsIn: 15,
	rtt: 16,
	retransmits: 17,
	queryType: 18,
	/** JSON of [group, rule][]. */
	alerts: 19,
	/** Packed addresses, concatenated. */
	addresses: 20,
	/** Phase of the deciding decision; -1: none. */
	deciding: 21,
	/** JSON of HttpRequest. */
	request: 22,
	requests: 23,
	/** For each phase: verdict and reason (`packDecision`), rule (text "group\0name"), generation. */
	outcome: 24,
	count: 25,
	decisions: 26,
	stride: 26 + DECISION_FIELDS * PHASES,
} as const;

/** Verdict and reason of a decision in one number; 0: the phase has none. */
export function packDecision(verdict: number, reason: number): number {
	return verdict + VERDICTS * reason;
}

export function verdictOf(decision: number): number {
	return decision % VERDICTS;
}

export function reasonOf(decision: number): number {
	return Math.floor(decision / VERDICTS);
}

export const FLAG = { dns: 1, ended: 2, sni: 4, ech: 8, http: 16 } as const;

/** A process with its user and cgroup. Texts are empty where nothing is known. */
export interface Who {
	readonly pid: number;
	/** [ns] CLOCK_BOOTTIME. */
	readonly start: number;
	readonly ppid: number;
	readonly args: string;
	readonly comm: string;
	readonly parentComm: string;
	readonly exe: string;
	readonly uid: number;
	readonly user: string;
	readonly unit: string;
	readonly container: string;
	readonly cgroup: string;
}

export interface Batch {
	rows: number;
	numbers: Float64Array;
	readonly texts: string[];
	readonly who: Who[];
	readonly answers: AnswerRecord[];
	readonly policyChanges: PolicyChange[];
	readonly starts: DaemonStart[];
}

/** Gathers one batch after the other in the same array. */
export class BatchBuilder {
	batch: Batch = emptyBatch(new Float64Array(FIRST_ROWS * FIELD.stride));
	readonly #describe: Describer;
	readonly #texts = new Map<string, number>([["", 0]]);
	readonly #rules = new Map<object, number>();
	readonly #who = new Map<object | null, Known>();

	constructor(describe: Describer) {
		this.#describe = describe;
	}

	/** Records of all kinds. */
	get size(): number {
		const { rows, answers, policyChanges, starts } = this.batch;
		return rows + answers.length + policyChanges.length + starts.length;
	}

	/** Returns the batch so far, whose array has exactly its length. The next batch begins. */
	take(): Batch {
		const { batch } = this;
		this.batch = emptyBatch(batch.numbers);
		this.#texts.clear();
		this.#texts.set("", 0);
		this.#rules.clear();
		this.#who.clear();
		return { ...batch, numbers: batch.numbers.slice(0, batch.rows * FIELD.stride) };
	}

	add(c: Connection): void {
		const at = this.batch.rows * FIELD.stride;
		if (at === this.batch.numbers.length) this.#grow();
		const n = this.batch.numbers;
		n[at + FIELD.id] = c.id;
		n[at + FIELD.cookie] = c.cookie;
		n[at + FIELD.flags] =
			(c.dns ? FLAG.dns : 0) |
			(c.ended ? FLAG.ended : 0) |
			(c.nameFromHello ? FLAG.sni : 0) |
			(c.nameFromRequest ? FLAG.http : 0) |
			(c.ech ? FLAG.ech : 0);
		n[at + FIELD.last] = Math.floor(c.last * 1000);
		n[at + FIELD.end] = c.end;
		n[at + FIELD.name] = c.name === null ? 0 : this.#text(c.name);
		n[at + FIELD.who] = this.#whoOf(c);
		n[at + FIELD.protocol] = c.protocol;
		n[at + FIELD.remote] = this.#text(c.remote);
		n[at + FIELD.remotePort] = c.remotePort;
		n[at + FIELD.local] = this.#text(c.local);
		n[at + FIELD.localPort] = c.localPort;
		n[at + FIELD.bytesOut] = c.bytesOut;
		n[at + FIELD.bytesIn] = c.bytesIn;
		n[at + FIELD.packetsOut] = c.packetsOut;
		n[at + FIELD.packetsIn] = c.packetsIn;
		n[at + FIELD.rtt] = c.rttUs;
		n[at + FIELD.retransmits] = c.retransmits;
		n[at + FIELD.queryType] = c.queryType;
		n[at + FIELD.alerts] =
			c.alerts === null ? 0 : this.#text(JSON.stringify(c.alerts.map(({ group, name }) => [group, name])));
		n[at + FIELD.addresses] = c.addresses === null ? 0 : this.#text(c.addresses.join(""));
		n[at + FIELD.request] = c.request === null ? 0 : this.#text(JSON.stringify(c.request));
		n[at + FIELD.requests] = c.requests;
		n[at + FIELD.outcome] = c.outcome;
		n[at + FIELD.count] = c.count;
		n[at + FIELD.deciding] = c.deciding?.phase ?? -1;
		for (let phase = 0; phase < PHASES; phase++) {
			const decision = c.decisions[phase];
			const slot = at + FIELD.decisions + phase * DECISION_FIELDS;
			if (decision === null || decision === undefined) n[slot] = n[slot + 1] = n[slot + 2] = 0;
			else {
				n[slot] = packDecision(decision.verdict, decision.reason);
				n[slot + 1] = decision.rule === null ? 0 : this.#rule(decision.rule);
				n[slot + 2] = decision.generation;
			}
		}
		this.batch.rows++;
	}

	#text(text: string): number {
		const known = this.#texts.get(text);
		if (known !== undefined) return known;
		const index = this.batch.texts.push(text) - 1;
		this.#texts.set(text, index);
		return index;
	}

	/* Rules are the objects of the policy: identity is a cheaper key than their text. */
	#rule(rule: { readonly group: string; readonly name: string }): number {
		let index = this.#rules.get(rule);
		if (index === undefined) {
			index = this.#text(`${rule.group}\0${rule.name}`);
			this.#rules.set(rule, index);
		}
		return index;
	}

	#whoOf({ process, cgroup, uid }: Connection): number {
		const known = this.#who.get(process);
		const path = cgroup?.path ?? null;
		if (known !== undefined && known.cgroup === cgroup && known.path === path && known.uid === uid) return known.index;
		const who: Who = {
			pid: process?.pid ?? 0,
			start: process?.start ?? 0,
			ppid: process?.ppid ?? 0,
			args: process?.args ?? "",
			comm: process?.comm ?? "",
			parentComm: process?.parentComm ?? "",
			exe: process === null ? "" : (this.#describe.exe(process) ?? ""),
			uid,
			user: this.#describe.user(uid) ?? "",
			unit: cgroup?.unit ?? "",
			container: cgroup?.container ?? "",
			cgroup: path ?? "",
		};
		const index = this.batch.who.push(who) - 1;
		this.#who.set(process, { cgroup, path, uid, index });
		return index;
	}

	#grow(): void {
		const grown = new Float64Array(this.batch.numbers.length * 4);
		grown.set(this.batch.numbers);
		this.batch.numbers = grown;
	}
}

/** A batch without records; its rows go into `numbers`. */
export function emptyBatch(numbers: Float64Array): Batch {
	return { rows: 0, numbers, texts: [""], who: [], answers: [], policyChanges: [], starts: [] };
}

interface Known {
	readonly cgroup: object | null;
	readonly path: string | null;
	readonly uid: number;
	readonly index: number;
}

const FIRST_ROWS = 64;
