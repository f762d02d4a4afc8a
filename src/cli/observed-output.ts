import { fit } from "../base/text.ts";
import type { ConnectionView } from "../records/view.ts";
import type { Output } from "./deps.ts";
import { type TableStyle, tableHeader, tableRow } from "./table.ts";

export interface ObservedOutputOptions {
	/** JSON lines instead of a table. */
	readonly json: boolean;
	/** Who enforces beside the observer, see reportEnforcement(). */
	readonly enforcement: "daemon" | "kernel" | "none";
	/** Show the verdict of the observer's policy too, where another policy is enforced. */
	readonly ownVerdict: boolean;
}

/**
 * The rows of `observe`. `verdict` is what happened to the connection: the observer's own verdict where no Sallyport enforces, else that of
 * the enforcing daemon, or "unknown". In the second case `observed` has the observer's own decision.
 */
export class ObservedOutput {
	count = 0;
	/** Rows dropped because the reader was too slow. */
	skipped = 0;
	readonly #out: Output;
	readonly #o: ObservedOutputOptions;

	constructor(out: Output, options: ObservedOutputOptions) {
		this.#out = out;
		this.#o = options;
		if (!options.json) out.write(`${this.#line(tableHeader(this.#style), "POLICY")}\n`);
	}

	/** `enforced`: the daemon's record of the connection; null: none. */
	show(own: ConnectionView, enforced: ConnectionView | null): void {
		const shown = this.#o.enforcement === "none" ? own : withVerdictOf(own, enforced);
		const policy = own.verdict === "would_deny" ? "would deny" : own.verdict;
		const text = this.#o.json ? JSON.stringify(shown) : this.#line(tableRow(shown, this.#style), policy);
		if (this.#out.write(`${text}\n`)) this.count++;
		else this.skipped++;
	}

	get #hasPolicyColumn(): boolean {
		return this.#o.ownVerdict && this.#o.enforcement !== "none";
	}

	get #style(): TableStyle {
		const spare = this.#hasPolicyColumn ? POLICY_WIDTH + GAP.length : 0;
		return { width: this.#out.width() - spare, colours: this.#out.colours, date: false };
	}

	/* The column stands first: rows of the table end where their last cell does. */
	#line(row: string, policy: string): string {
		return this.#hasPolicyColumn ? `${fit(policy, POLICY_WIDTH)}${GAP}${row}` : row;
	}
}

const POLICY_WIDTH = "would deny".length;
const GAP = "  ";

type Shown = ConnectionView & { readonly observed: Decision };
type Decision = Pick<ConnectionView, "verdict" | "phase" | "group" | "rule" | "reason" | "decisions" | "alerts">;

function withVerdictOf(own: ConnectionView, enforced: ConnectionView | null): Shown {
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
