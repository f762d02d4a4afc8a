export interface ExplainRequest {
	readonly who?: {
		readonly exe?: string;
		/** A name or a uid. */
		readonly user?: string | number;
		readonly unit?: string;
		readonly container?: string;
		/** Below the watched cgroup; instead of unit and container. */
		readonly cgroup?: string;
	};
	readonly to?: {
		readonly address?: string;
		readonly port?: number;
		/** tcp, udp, icmp, icmp6 or a number; default tcp. */
		readonly protocol?: string;
	};
	readonly name?: string;
	/** An HTTP request in cleartext: phase http is asked, and not tls. */
	readonly request?: RequestQuestion;
	readonly phases?: readonly ("dns" | "connect" | "tls" | "http")[];
	/** Whether DNS gave the address for the name: as the kernel has it now (false), or taken as so (true, the default). */
	readonly assumeLearned?: boolean;
}

export interface RequestQuestion {
	/** Default GET. */
	readonly method?: string;
	/** With the query; default "/". */
	readonly path?: string;
	/** Of the answer; left out: it has not come yet. */
	readonly status?: number;
}

export interface Explanation {
	readonly verdict: "allow" | "deny" | "would_deny";
	/** One sentence. */
	readonly summary: string;
	readonly generation: number;
	readonly mode: string;
	/** What was decided about: the request with what was filled in. */
	readonly subject: {
		readonly address: string | null;
		readonly port: number;
		readonly protocol: string;
		readonly name: string | null;
		readonly learned: readonly string[];
		readonly trustedResolver: boolean;
		readonly exe: string | null;
		readonly uid: number | null;
		readonly cgroup: string | null;
		readonly request: { readonly method: string; readonly path: string; readonly status: number | null } | null;
	};
	readonly phases: readonly PhaseAnswer[];
}

export interface PhaseAnswer {
	readonly phase: string;
	readonly verdict: string;
	readonly reason: string;
	readonly group: string | null;
	readonly rule: string | null;
	readonly alert: string | null;
	readonly default: string;
	readonly helloRequired: boolean;
	readonly summary: string;
	readonly looks: readonly LookAnswer[];
}

/** One way through the rules; phase connect has one for each name of the address. */
export interface LookAnswer {
	readonly name: string | null;
	readonly as: string;
	readonly decisive: boolean;
	readonly rules: readonly RuleAnswer[];
	readonly notReached: number;
}

export interface RuleAnswer {
	readonly group: string;
	readonly rule: string;
	readonly action: string;
	readonly outcome: string;
	readonly why: string;
	readonly conditions: readonly { readonly condition: string; readonly holds: boolean; readonly why: string }[];
}

export interface RuleOfName {
	readonly group: string;
	readonly rule: string;
	readonly action: string;
	readonly phases: readonly string[];
	/** Conditions that the rule has besides its domain. */
	readonly also: readonly string[];
}
