/**
 * A checked policy: the result of read/parse.ts, and the input of compile/ and evaluate/. docs/policy.md describes the
 * syntax, docs/deciding.md the meaning of each field.
 */

import { type PhaseName, phaseNames } from "../native/vocabulary.ts";

/** In the order in which a connection passes them. */
export const PHASES: readonly Phase[] = phaseNames;
export type Phase = PhaseName;

export type Action = "allow" | "deny" | "alert";
export type Verdict = "allow" | "deny";
export type Mode = "observe" | "enforce";
export type NameBinding = "strict" | "sni";

export interface Policy {
	readonly version: 1;
	readonly mode: Mode;
	readonly nameBinding: NameBinding;
	/** Default action by phase; `allow` where the file has none. */
	readonly defaults: Readonly<Record<Phase, Verdict>>;
	/** `deny`: deny and alert rules about a name, method or path match what cannot be read; `allow`: they do not. */
	readonly unread: Verdict;
	/** Error of a denied connect(): a positive errno. */
	readonly denyErrno: number;
	/** Trusted resolvers in addition to those of the system, in canonical text (RFC 5952). */
	readonly resolvers: readonly string[];
	/** Suffixes that resolver libraries append to names, in addition to those of the system: patterns without "**". */
	readonly search: readonly string[];
	/** A learned address expires after max(ttl, floor) + grace [s]. */
	readonly ttl: { readonly floor: number; readonly grace: number };
	/** In order of evaluation; rules[i].index === i. */
	readonly rules: readonly Rule[];
	readonly lists: readonly ListFacts[];
}

export interface Rule {
	/** The rule's bit in a vector, from 0. */
	readonly index: number;
	readonly group: string;
	readonly name: string;
	readonly action: Action;
	/** As written; null: all phases that the conditions allow. */
	readonly phases: readonly Phase[] | null;
	/**
	 * The preset that this rule is a part of, or null. Its parts share a name, and are counted and shown as one rule.
	 */
	readonly preset: string | null;
	/** A deny rule that comes before overlays and before all other rules. */
	readonly final: boolean;
	/** The overlays that have this rule, the newest first; null: a rule of the file. */
	readonly leases: readonly Lease[] | null;
	/** A null field: no such condition. */
	readonly to: {
		readonly cidr: readonly PrefixSet[] | null;
		readonly ports: readonly PortRange[] | null;
		/** IP protocol numbers, 0..255. */
		readonly protocol: readonly number[] | null;
		/**
		 * Lists of patterns in lower case and punycode, without a trailing dot. "*" is one label; "**" stands only in
		 * front.
		 */
		readonly domain: readonly (readonly string[])[] | null;
		/** HTTP methods, case-sensitive. */
		readonly method: readonly string[] | null;
		/** Patterns as parsePathPattern() returns them: "*" is any run of characters without "/", "**" any run. */
		readonly path: readonly string[] | null;
		/** Statuses of an HTTP response, 100 to 999. */
		readonly status: readonly StatusRange[] | null;
	};
	readonly from: {
		readonly exe: readonly ExeFile[] | null;
		readonly user: readonly number[] | null;
		/** Names of cgroups, such as "agent.service". */
		readonly unit: readonly string[] | null;
		/** The first 12 hex digits of a container id, the name of a machine, or "*". */
		readonly container: readonly string[] | null;
		/** Paths relative to the watched cgroup, without slashes at the ends: "system.slice/agent.service". */
		readonly cgroup: readonly string[] | null;
	};
}

/** An overlay's use of a rule, which several overlays may share. */
export interface Lease {
	/** Name of the overlay. */
	readonly overlay: string;
	/** Where the rule applies, as `from.cgroup`: the scope, or the cgroups of the rule within it; null: everywhere. */
	readonly cgroups: readonly string[] | null;
	/** CLOCK_BOOTTIME [ms]; null: none. */
	readonly end: number | null;
}

/**
 * Prefixes in typed arrays, because a list may have a million of them. IPv4 prefix i is v4[i] / v4Length[i], IPv6
 * prefix i is v6[4 * i .. 4 * i + 3] / v6Length[i]. Words are in host order, the most significant first; host bits are
 * 0. Unsorted, with duplicates.
 */
export interface PrefixSet {
	readonly v4: Uint32Array;
	readonly v4Length: Uint8Array;
	readonly v6: Uint32Array;
	readonly v6Length: Uint8Array;
}

/** Inclusive. */
export interface PortRange {
	readonly low: number;
	readonly high: number;
}

/** Inclusive. */
export interface StatusRange {
	readonly low: number;
	readonly high: number;
}

/** An executable as the kernel identifies it. */
export interface ExeFile {
	/** (major << 20) | minor of the file system's device. */
	readonly dev: number;
	/** Absolute path inside its file system: "/usr/bin/curl", or "/bin/curl" if /usr is a separate mount. */
	readonly path: string;
	/** The text in the policy. */
	readonly written: string;
}

/** The client of a connection. A null field is unknown. */
export interface Who {
	readonly exe: { readonly dev: number; readonly path: string } | null;
	readonly uid: number;
	/** Path relative to the watched cgroup: "system.slice/agent.service"; "" is the watched cgroup itself; null: unknown. */
	readonly cgroup: string | null;
}

export interface ListFacts {
	readonly name: string;
	/** Path of the list file as written in the policy; null: the list is inline. */
	readonly file: string | null;
	readonly prefixes: number;
	readonly names: number;
}

/** `problem` continues a sentence that begins with the path; `mend` says what to write. */
export interface NoProgram {
	readonly problem: string;
	readonly mend: string;
}

/** Access to the host for parsePolicy(), which does no I/O itself. Called once for each list, user and executable. */
export interface Environment {
	/**
	 * Contents of a list file. A relative path is relative to the policy file. Throws Error if the file cannot be read.
	 */
	readList(path: string): Uint8Array;
	/** A list of the policy in force, by its name and file as written; undefined: it has none. */
	listBefore?(name: string, file: string): ListFacts | undefined;
	/** Why a path is no program that the kernel can execute; null: it is one. */
	whyNoProgram?(path: string): NoProgram | null;
	/** Uid of a user name; null: no such user. */
	uidOf(name: string): number | null;
	/**
	 * Locations of an executable, or where it would be if it existed. Symbolic links are followed as far as the path exists.
	 * Several results are alternatives; none means that the path is in no file system of the host.
	 */
	exeOf(path: string): readonly { readonly dev: number; readonly path: string }[];
}

/** "group/rule": the key of a rule's counters, shared by the parts of a preset. */
export function ruleKey(rule: { readonly group: string; readonly name: string }): string {
	return `${rule.group}/${rule.name}`;
}
