import type { Remedy } from "../records/remedy.ts";

/** The request body of POST /v1/policy/explain. An omitted member of `who` is unknown and matches no condition. */
export interface ExplainRequest {
	readonly who?: {
		readonly exe?: string;
		/** A name or a uid. */
		readonly user?: string | number;
		readonly unit?: string;
		readonly container?: string;
		/** The path below the watched cgroup, instead of unit and container. */
		readonly cgroup?: string;
	};
	readonly to?: {
		/** Default: an address that DNS gave for `name`. */
		readonly address?: string;
		/** Default 443, or 80 if `request` is given. */
		readonly port?: number;
		/** tcp, udp, icmp, icmp6 or a number; default tcp. */
		readonly protocol?: string;
	};
	readonly name?: string;
	/** A cleartext HTTP request: phase http is evaluated instead of tls. */
	readonly request?: ExplainHttpRequest;
	readonly phases?: readonly ("dns" | "connect" | "tls" | "http")[];
	/** True (the default): assume that DNS gave the address for the name. False: use the kernel's current state. */
	readonly assumeLearned?: boolean;
}

export interface ExplainHttpRequest {
	/** Default GET. */
	readonly method?: string;
	/** The path with its query; default "/". */
	readonly path?: string;
	/** The status code of the response; omitted if there is none yet. */
	readonly status?: number;
}

/** The response of POST /v1/policy/explain. */
export interface Explanation {
	readonly verdict: "allow" | "deny" | "would_deny";
	/** The decision as a sentence. */
	readonly summary: string;
	readonly generation: number;
	readonly mode: string;
	/** The request, with the values that were filled in. */
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
	/** Of the first phase that denies; null: every phase allows. */
	readonly remedy: Remedy | null;
}

export interface PhaseAnswer {
	readonly phase: string;
	readonly verdict: string;
	readonly reason: string;
	readonly group: string | null;
	readonly rule: string | null;
	/** The overlay that has the rule; null: the file, or no rule. */
	readonly overlay: string | null;
	readonly alert: string | null;
	readonly default: string;
	readonly helloRequired: boolean;
	readonly summary: string;
	readonly looks: readonly LookAnswer[];
}

/** One pass over the rules; phase connect makes one for each name of the address. */
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
	readonly overlay: string | null;
	readonly action: string;
	readonly outcome: string;
	readonly why: string;
	readonly conditions: readonly { readonly condition: string; readonly holds: boolean; readonly why: string }[];
}

/** A rule of the policy in force whose domains cover a name. */
export interface RuleOfName {
	readonly group: string;
	readonly rule: string;
	readonly action: string;
	readonly phases: readonly string[];
	/** The other conditions of the rule. */
	readonly also: readonly string[];
}
