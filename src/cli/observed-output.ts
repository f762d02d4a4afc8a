import type { ConnectionView } from "../records/view.ts";
import { liveConnectionTable } from "./connection-table.ts";
import type { Output } from "./deps.ts";
import { type Column, liveTable, type Table, type TableOptions } from "./table.ts";
import { harmlessJson, recordCountText } from "./text.ts";

/**
 * Who enforces beside an observer. `daemon`: a daemon reports the verdicts. `kernel`: the kernel enforces and no daemon
 * reports. `none`: no Sallyport enforces.
 */
export type Enforcement = "daemon" | "kernel" | "none";

export interface ObservedOutputOptions extends TableOptions {
	/** JSON lines instead of a table. */
	readonly json: boolean;
	/** Who enforces beside the observer at its start. */
	readonly enforcement: Enforcement;
	/** Show the verdict of the observer's policy too, where another policy is enforced. */
	readonly ownVerdict: boolean;
}

/**
 * The rows of `observe`. `verdict` is what happened to the connection: the observer's own verdict where no Sallyport
 * enforces, else that of the enforcing daemon, or "unknown". In the second case `observed` has the observer's own
 * decision.
 */
export class ObservedOutput {
	/** Rows dropped because the reader was too slow. */
	skipped = 0;
	readonly #counts = { connection: 0, dns: 0 };
	readonly #out: Output;
	readonly #options: ObservedOutputOptions;
	#enforcement: Enforcement;
	#write: (row: Observed) => boolean;

	constructor(out: Output, options: ObservedOutputOptions) {
		this.#out = out;
		this.#options = options;
		this.#enforcement = options.enforcement;
		this.#write = this.#writer();
	}

	get enforcement(): Enforcement {
		return this.#enforcement;
	}

	/** A daemon has begun to report. A table begins again if it gets the column POLICY. */
	besideDaemon(): void {
		const hadNone = this.#enforcement === "none";
		this.#enforcement = "daemon";
		if (hadNone && this.#options.ownVerdict) this.#write = this.#writer();
	}

	/** `enforced`: the daemon's record of the connection; null: none. */
	show(own: ConnectionView, enforced: ConnectionView | null): void {
		if (this.#write(this.#enforcement === "none" ? own : withVerdictOf(own, enforced))) this.#counts[own.kind]++;
		else this.skipped++;
	}

	#writer(): (row: Observed) => boolean {
		const out = this.#out;
		if (this.#options.json) return (row) => out.write(`${harmlessJson(JSON.stringify(row))}\n`);
		return liveTable(observedTable(this.#options.ownVerdict && this.#enforcement !== "none"), this.#options, out);
	}

	/** "31 connections and 6 DNS questions". */
	get summary(): string {
		return recordCountText(this.#counts.connection, this.#counts.dns);
	}
}

/** `policyColumn`: the verdict of the observer's own policy is shown by default. */
export function observedTable(policyColumn: boolean): Table<Observed> {
	const { columns, worth, paintCell } = liveConnectionTable();
	return {
		columns: [POLICY, ...columns],
		worth: policyColumn ? ["destination", "verdict", "policy", ...worth.slice(2)] : worth,
		...(paintCell === undefined ? {} : { paintCell }),
	};
}

const POLICY: Column<Observed> = {
	key: "policy",
	title: "POLICY",
	text: ({ verdict, observed }) => (observed?.verdict ?? verdict).replace("_", " "),
	least: 10,
	usual: 10,
};

type Observed = ConnectionView & { readonly observed?: Decision };
type Decision = Pick<ConnectionView, "verdict" | "phase" | "group" | "rule" | "reason" | "decisions" | "alerts">;

function withVerdictOf(own: ConnectionView, enforced: ConnectionView | null): Observed {
	const decision = enforced === null ? UNKNOWN : decisionOf(enforced);
	const open = own.open && enforced?.open !== false;
	return { ...own, ...decision, open, end: enforced?.end ?? own.end, observed: decisionOf(own) };
}

function decisionOf(view: ConnectionView): Decision {
	const { verdict, phase, group, rule, reason, decisions, alerts } = view;
	return { verdict, phase, group, rule, reason, decisions, alerts };
}

const UNKNOWN: Decision = {
	/* No verdict of the daemon, so none of the API's words. */
	verdict: "unknown" as string as ConnectionView["verdict"],
	phase: null,
	group: null,
	rule: null,
	reason: null,
	decisions: {},
	alerts: [],
};
