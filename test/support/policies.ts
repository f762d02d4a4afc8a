/** Policies for tests: common fields, and rules as JSON, which is valid YAML. */
import { DNS4, DNS6 } from "./addresses.ts";

export interface TestRule {
	readonly name: string;
	readonly action?: "allow" | "deny" | "alert";
	readonly final?: boolean;
	readonly phases?: readonly ("dns" | "connect" | "tls" | "http")[];
	readonly to?: Record<string, unknown>;
	readonly from?: Record<string, unknown>;
}

export interface TestPolicy {
	readonly mode?: "enforce" | "observe";
	readonly defaults?: Partial<Record<"dns" | "connect" | "tls" | "http" | "unread", "allow" | "deny">>;
	readonly rules?: readonly TestRule[];
	/** Other top-level fields: deny_errno, name_binding. */
	readonly more?: Record<string, unknown>;
}

/** Default: mode enforce; connect and tls deny. All rules are in the group `test`, and allow unless they specify an action. */
export function policy({ mode = "enforce", defaults = {}, rules = [], more = {} }: TestPolicy = {}): string {
	const filled = { dns: "allow", connect: "deny", tls: "deny", http: "allow", ...defaults };
	const group = { name: "test", priority: 10, rules: rules.map((rule) => ({ action: "allow", ...rule })) };
	const whole = { version: 1, mode, resolvers: [DNS4, DNS6], defaults: filled, ...more, groups: [group] };
	return `${JSON.stringify(whole, null, "\t").replaceAll("\t", "  ")}\n`;
}
