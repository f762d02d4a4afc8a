/** The small tables: each name, workload, process and set of decisions once. Recently used rows are cached. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BoundedMap } from "../base/bounded.ts";
import { PHASES, VERDICT } from "../native/layout.ts";
import { reversedName } from "../records/patterns.ts";
import { type Batch, DECISION_FIELDS, FIELD, reasonOf, verdictOf, type Who } from "./batch.ts";
import { firstRow, prepareAll } from "./typed-rows.ts";

/** [µs] Precision of a row's `last`, which only serves to find rows that are no longer used. */
export const TOUCH = 3_600_000_000;

interface Entry {
	readonly id: number;
	last: number;
}

export interface WhoIds {
	readonly workload: number;
	readonly process: number;
}

export interface StepsEntry {
	readonly id: number;
	readonly verdict: number;
}

/** Ids of the rows, inserted where they are missing. Call all methods within a transaction. Times are in µs. */
export class Dimensions {
	#names = new BoundedMap<string, Entry>(NAMES);
	#workloads = new BoundedMap<string, Entry>(WORKLOADS);
	#processes = new BoundedMap<string, Entry>(PROCESSES);
	#steps = new BoundedMap<string, Entry & StepsEntry>(STEPS);
	#batch: Batch | null = null;
	readonly #batchSteps = new Map<string, StepsEntry>();
	readonly #sql: Readonly<Record<keyof typeof SQL, StatementSync>>;

	constructor(database: DatabaseSync) {
		this.#sql = prepareAll(database, SQL);
	}

	/** Call it after rows were deleted, or a transaction was rolled back. */
	clearCache(): void {
		this.#names = new BoundedMap(NAMES);
		this.#workloads = new BoundedMap(WORKLOADS);
		this.#processes = new BoundedMap(PROCESSES);
		this.#steps = new BoundedMap(STEPS);
		this.#batch = null;
	}

	/** 0 for an empty text. */
	name(text: string, first: number, last: number): number {
		if (text === "") return 0;
		let entry = this.#names.get(text);
		if (entry === undefined) {
			const found = firstRow<Entry>(this.#sql.findName, text);
			entry = found ?? { id: inserted(this.#sql.addName.run(text, reversedName(text), first, last)), last };
			this.#names.set(text, entry);
		}
		this.#touch(entry, this.#sql.touchName, last);
		return entry.id;
	}

	who(who: Who, now: number): WhoIds {
		const { pid, start, ppid, args, comm, parentComm, exe, uid, user, unit, container, cgroup } = who;
		const columns = [comm, exe, uid, user, unit, container, cgroup, parentComm] as const;
		const key = columns.join("\0");
		let workload = this.#workloads.get(key);
		if (workload === undefined) {
			const found = firstRow<Entry>(this.#sql.findWorkload, ...columns);
			workload = found ?? { id: inserted(this.#sql.addWorkload.run(...columns, now)), last: now };
			this.#workloads.set(key, workload);
		}
		this.#touch(workload, this.#sql.touchWorkload, now);
		if (pid === 0) return { workload: workload.id, process: 0 };
		/* µs: nanoseconds since boot exceed 2^53 after 104 days. */
		const started = Math.floor(start / 1000);
		const own = `${pid} ${started} ${workload.id} ${args}`;
		let process = this.#processes.get(own);
		if (process === undefined) {
			const found = firstRow<Entry>(this.#sql.findProcess, pid, started, workload.id, args);
			process = found ?? {
				id: inserted(this.#sql.addProcess.run(pid, started, ppid, workload.id, args, now)),
				last: now,
			};
			this.#processes.set(own, process);
		}
		this.#touch(process, this.#sql.touchProcess, now);
		return { workload: workload.id, process: process.id };
	}

	/** Decisions and alerts of the row at `at` of a batch. Id 0: no phase has decided. */
	steps(batch: Batch, at: number, now: number): StepsEntry {
		const n = batch.numbers;
		const deciding = n[at + FIELD.deciding] ?? -1;
		if (deciding < 0) return UNDECIDED;
		/* Within a batch the indexes of its texts make short keys. */
		if (this.#batch !== batch) {
			this.#batch = batch;
			this.#batchSteps.clear();
		}
		let short = `${deciding} ${n[at + FIELD.alerts]}`;
		for (let slot = at + FIELD.decisions; slot < at + FIELD.stride; slot += DECISION_FIELDS)
			short += n[slot] === 0 ? "," : `,${n[slot]} ${n[slot + 1]} ${n[slot + 2]}`;
		let entry = this.#batchSteps.get(short);
		if (entry === undefined) {
			entry = this.#stepsOf(batch, at, deciding, now);
			this.#batchSteps.set(short, entry);
		}
		return entry;
	}

	#stepsOf({ numbers: n, texts }: Batch, at: number, deciding: number, now: number): Entry & StepsEntry {
		let key = `${deciding}`;
		for (let slot = at + FIELD.decisions; slot < at + FIELD.stride; slot += DECISION_FIELDS) {
			if (n[slot] !== 0) key += ` ${slot - at} ${n[slot]} ${n[slot + 2]} ${texts[n[slot + 1] ?? 0]}`;
		}
		const alerts = texts[n[at + FIELD.alerts] ?? 0] ?? "";
		if (alerts !== "") key += `\n${alerts}`;
		let entry = this.#steps.get(key);
		if (entry === undefined) {
			entry = this.#addSteps(n, texts, at, deciding, alerts, now);
			this.#steps.set(key, entry);
		}
		this.#touch(entry, this.#sql.touchSteps, now);
		return entry;
	}

	#addSteps(
		n: Float64Array,
		texts: readonly string[],
		at: number,
		deciding: number,
		alerts: string,
		now: number,
	): Entry & StepsEntry {
		const decisions: unknown[] = [];
		for (let phase = 0; phase < PHASES; phase++) {
			const slot = at + FIELD.decisions + phase * DECISION_FIELDS;
			const packed = n[slot] ?? 0;
			if (packed === 0) continue;
			const [group = "", rule = ""] = (texts[n[slot + 1] ?? 0] ?? "").split("\0");
			decisions.push([phase, verdictOf(packed), reasonOf(packed), group, rule, n[slot + 2]]);
		}
		const slot = at + FIELD.decisions + deciding * DECISION_FIELDS;
		const packed = n[slot] ?? 0;
		const verdict = verdictOf(packed);
		const [group = "", rule = ""] = (texts[n[slot + 1] ?? 0] ?? "").split("\0");
		const detail = JSON.stringify({ decisions, alerts: alerts === "" ? [] : JSON.parse(alerts), deciding });
		const found = firstRow<Entry>(this.#sql.findSteps, detail);
		if (found !== undefined) return { ...found, verdict };
		const id = inserted(this.#sql.addSteps.run(detail, verdict, deciding, reasonOf(packed), group, rule, now));
		return { id, last: now, verdict };
	}

	#touch(entry: Entry, statement: StatementSync, now: number): void {
		if (now - entry.last < TOUCH) return;
		entry.last = now;
		statement.run(now, entry.id);
	}
}

/* Cached rows. */
const NAMES = 16_384;
const WORKLOADS = 4_096;
const PROCESSES = 8_192;
const STEPS = 4_096;

const UNDECIDED: StepsEntry = { id: 0, verdict: VERDICT.allow };

const SQL = {
	findName: "SELECT id, last FROM name WHERE text = ?",
	addName: "INSERT INTO name (text, reversed, first, last) VALUES (?, ?, ?, ?)",
	touchName: "UPDATE name SET last = ? WHERE id = ?",
	findWorkload:
		"SELECT id, last FROM workload WHERE comm = ? AND exe = ? AND uid = ? AND user = ? AND unit = ? AND container = ? " +
		"AND cgroup = ? AND parent_comm = ?",
	addWorkload:
		"INSERT INTO workload (comm, exe, uid, user, unit, container, cgroup, parent_comm, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	touchWorkload: "UPDATE workload SET last = ? WHERE id = ?",
	findProcess: "SELECT id, last FROM process WHERE pid = ? AND start = ? AND workload = ? AND args = ?",
	addProcess: "INSERT INTO process (pid, start, ppid, workload, args, last) VALUES (?, ?, ?, ?, ?, ?)",
	touchProcess: "UPDATE process SET last = ? WHERE id = ?",
	findSteps: "SELECT id, last FROM steps WHERE detail = ?",
	addSteps: "INSERT INTO steps (detail, verdict, phase, reason, rule_group, rule, last) VALUES (?, ?, ?, ?, ?, ?, ?)",
	touchSteps: "UPDATE steps SET last = ? WHERE id = ?",
} as const;

function inserted({ lastInsertRowid }: { readonly lastInsertRowid: number | bigint }): number {
	return Number(lastInsertRowid);
}
