/**
 * How records cross to the writer: numbers in one array, each text and each process once a batch. A batch is complete in itself, so
 * that it can be sent again to another writer.
 */
import type { Connection } from "../records/connection.ts";
import type { AnswerRecord, DaemonStart, PolicyChange } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";

/** Offsets in a row of `numbers`. Texts are indexes into `texts`; 0: none. */
export const F = {
	id: 0,
	cookie: 1,
	flags: 2,
	last: 3,
	end: 4,
	name: 5,
	/** Into `who`. */
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
	/** Packed addresses one after the other. */
	addresses: 20,
	/** -1: none. */
	deciding: 21,
	/** JSON of HttpRequest. */
	request: 22,
	requests: 23,
	/** Four times: verdict + 16 * reason (0: no decision), rule (text "group\0name"), generation. */
	decisions: 24,
	stride: 36,
} as const;

export const FLAG = { dns: 1, ended: 2, sni: 4, ech: 8, http: 16 } as const;

export interface Who {
	readonly pid: number;
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

/** Gathers one batch after the other in the same memory. */
export class BatchBuilder {
	batch: Batch = empty(new Float64Array(FIRST_ROWS * F.stride));
	readonly #describe: Describer;
	readonly #texts = new Map<string, number>([["", 0]]);
	readonly #rules = new Map<object, number>();
	readonly #who = new Map<object | null, Known>();

	constructor(describe: Describer) {
		this.#describe = describe;
	}

	/** Of all kinds. */
	get size(): number {
		const { rows, answers, policyChanges, starts } = this.batch;
		return rows + answers.length + policyChanges.length + starts.length;
	}

	/** What was gathered, in memory of its own and no larger than it must be; the next batch begins. */
	take(): Batch {
		const { batch } = this;
		this.batch = empty(batch.numbers);
		this.#texts.clear();
		this.#texts.set("", 0);
		this.#rules.clear();
		this.#who.clear();
		return { ...batch, numbers: batch.numbers.slice(0, batch.rows * F.stride) };
	}

	add(c: Connection): void {
		const at = this.batch.rows * F.stride;
		if (at === this.batch.numbers.length) this.#grow();
		const n = this.batch.numbers;
		n[at + F.id] = c.id;
		n[at + F.cookie] = c.cookie;
		n[at + F.flags] =
			(c.dns ? FLAG.dns : 0) |
			(c.ended ? FLAG.ended : 0) |
			(c.nameFromHello ? FLAG.sni : 0) |
			(c.nameFromRequest ? FLAG.http : 0) |
			(c.ech ? FLAG.ech : 0);
		n[at + F.last] = Math.floor(c.last * 1000);
		n[at + F.end] = c.end;
		n[at + F.name] = c.name === null ? 0 : this.#text(c.name);
		n[at + F.who] = this.#whoOf(c);
		n[at + F.protocol] = c.protocol;
		n[at + F.remote] = this.#text(c.remote);
		n[at + F.remotePort] = c.remotePort;
		n[at + F.local] = this.#text(c.local);
		n[at + F.localPort] = c.localPort;
		n[at + F.bytesOut] = c.bytesOut;
		n[at + F.bytesIn] = c.bytesIn;
		n[at + F.packetsOut] = c.packetsOut;
		n[at + F.packetsIn] = c.packetsIn;
		n[at + F.rtt] = c.rttUs;
		n[at + F.retransmits] = c.retransmits;
		n[at + F.queryType] = c.queryType;
		n[at + F.alerts] =
			c.alerts === null ? 0 : this.#text(JSON.stringify(c.alerts.map(({ group, name }) => [group, name])));
		n[at + F.addresses] = c.addresses === null ? 0 : this.#text(c.addresses.join(""));
		n[at + F.request] = c.request === null ? 0 : this.#text(JSON.stringify(c.request));
		n[at + F.requests] = c.requests;
		n[at + F.deciding] = c.deciding?.phase ?? -1;
		for (let phase = 0; phase < 4; phase++) {
			const decision = c.decisions[phase];
			const slot = at + F.decisions + phase * 3;
			if (decision === null || decision === undefined) n[slot] = n[slot + 1] = n[slot + 2] = 0;
			else {
				n[slot] = decision.verdict + 16 * decision.reason;
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

	/* Rules are few objects that live with their policy. */
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

function empty(numbers: Float64Array): Batch {
	return { rows: 0, numbers, texts: [""], who: [], answers: [], policyChanges: [], starts: [] };
}

interface Known {
	readonly cgroup: object | null;
	readonly path: string | null;
	readonly uid: number;
	readonly index: number;
}

const FIRST_ROWS = 64;
