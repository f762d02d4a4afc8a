/** The parts of a record that filter words are tested against: a live connection's, or those of a row of the file's small tables. */
import { VERDICT } from "../native/layout.ts";
import type { Connection, RuleRef } from "./connection.ts";
import type { Describer } from "./view.ts";

export interface Named {
	readonly name: string | null;
}

/** The program behind a connection. An empty text is null. */
export interface Workload {
	/** Null where the row stands for all processes of a program. */
	readonly pid: number | null;
	readonly comm: string | null;
	readonly exe: string | null;
	readonly uid: number;
	readonly user: string | null;
	readonly unit: string | null;
	readonly container: string | null;
}

/** The decision that stands for a connection. */
export interface Decided {
	readonly verdict: number;
	/** Null: no phase decided. */
	readonly phase: number | null;
	readonly rule: RuleRef | null;
	readonly alerts: readonly RuleRef[];
}

/** Columns of the connection itself. */
export interface Own {
	readonly isDns: boolean;
	readonly open: boolean;
	readonly protocol: number;
	readonly port: number;
	/** OUTCOME; 0: none applies. */
	readonly outcome: number;
	/** Packed (../base/address.ts). */
	readonly remote: string;
}

export interface Subjects {
	readonly name: Named;
	readonly workload: Workload;
	readonly steps: Decided;
	readonly own: Own;
}

/** A record that no phase has decided counts as allowed. */
export const UNDECIDED: Decided = { verdict: VERDICT.allow, phase: null, rule: null, alerts: [] };

/** A connection in memory. Each part is looked up only when a test reads it. */
export class LiveSubject implements Named, Workload, Decided, Own {
	readonly #connection: Connection;
	readonly #describe: Describer;

	constructor(connection: Connection, describe: Describer) {
		this.#connection = connection;
		this.#describe = describe;
	}

	get name(): string | null {
		return this.#connection.name;
	}

	get pid(): number | null {
		return this.#connection.process?.pid ?? null;
	}

	get comm(): string | null {
		return this.#connection.process?.comm || null;
	}

	get exe(): string | null {
		const { process } = this.#connection;
		return process === null ? null : this.#describe.exe(process) || null;
	}

	get uid(): number {
		return this.#connection.uid;
	}

	get user(): string | null {
		return this.#describe.user(this.#connection.uid);
	}

	get unit(): string | null {
		return this.#connection.cgroup?.unit || null;
	}

	get container(): string | null {
		return this.#connection.cgroup?.container || null;
	}

	get verdict(): number {
		return this.#connection.verdict;
	}

	get phase(): number | null {
		return this.#connection.deciding?.phase ?? null;
	}

	get rule(): RuleRef | null {
		return this.#connection.deciding?.rule ?? null;
	}

	get alerts(): readonly RuleRef[] {
		return this.#connection.alerts ?? [];
	}

	get isDns(): boolean {
		return this.#connection.dns;
	}

	get open(): boolean {
		return !this.#connection.ended;
	}

	get protocol(): number {
		return this.#connection.protocol;
	}

	get port(): number {
		return this.#connection.remotePort;
	}

	get outcome(): number {
		return this.#connection.outcome;
	}

	get remote(): string {
		return this.#connection.remote;
	}
}
