/**
 * The policy as checked: what parse.ts makes of a file, and what compile.ts and evaluate.ts read.
 * The meaning of every field: docs/deciding.md; how people write it: docs/policy.md.
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
	/** Default action by phase; a phase that the file leaves out is `allow`. */
	readonly defaults: Readonly<Record<Phase, Verdict>>;
	/** What connect() returns when it is denied: a positive errno number. */
	readonly denyErrno: number;
	/** Addresses that are trusted resolvers besides the system's own, in canonical text. */
	readonly resolvers: readonly string[];
	/** Seconds. A learned address lives max(ttl, floor) + grace. */
	readonly ttl: { readonly floor: number; readonly grace: number };
	/** In the order in which they are tried; rules[i].index === i. */
	readonly rules: readonly Rule[];
	readonly lists: readonly ListFacts[];
}

export interface Rule {
	/** The rule's bit in a vector, 0..1023. */
	readonly index: number;
	readonly group: string;
	readonly name: string;
	readonly action: Action;
	/** As written; null: not narrowed. */
	readonly phases: readonly Phase[] | null;
	/** The preset of which this rule is a part; the parts have one name, and are counted and shown as one. Null: none. */
	readonly preset: string | null;
	/** Null: no such condition. */
	readonly to: {
		readonly cidr: readonly PrefixSet[] | null;
		readonly ports: readonly PortRange[] | null;
		/** IP protocol numbers, 0..255. */
		readonly protocol: readonly number[] | null;
		/** Lists of patterns: lower case, punycode, no trailing dot; "*" is a label, "**" only in front. */
		readonly domain: readonly (readonly string[])[] | null;
		/** HTTP methods, compared exactly. */
		readonly method: readonly string[] | null;
		/** Patterns as path.ts makes them: "*" is any run without "/", "**" any run. */
		readonly path: readonly string[] | null;
		/** Of an HTTP answer, 100 to 999. */
		readonly status: readonly StatusRange[] | null;
	};
	readonly from: {
		readonly exe: readonly ExeFile[] | null;
		readonly user: readonly number[] | null;
		/** Names of cgroups, such as "agent.service". */
		readonly unit: readonly string[] | null;
		/** The first 12 hex digits of an id, a machine's name, or "*". */
		readonly container: readonly string[] | null;
		/** Paths below the watched cgroup without slashes at the ends: "system.slice/agent.service". */
		readonly cgroup: readonly string[] | null;
	};
}

/**
 * Prefixes as typed arrays, so that a million of them are four buffers and not a million objects.
 * Prefix i of IPv4 is v4[i] / v4Length[i]; of IPv6, v6[4 * i .. 4 * i + 3] / v6Length[i].
 * Words are in host order, the most significant first; host bits are 0. No order, doubles are allowed.
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

/** A program's file as the kernel knows it. */
export interface ExeFile {
	/** (major << 20) | minor of the file system's device. */
	readonly dev: number;
	/** Absolute, inside its file system: "/usr/bin/curl", or "/bin/curl" if /usr is a mount of its own. */
	readonly path: string;
	/** As the policy names it. */
	readonly written: string;
}

/** Who opens a connection; null: not known. */
export interface Who {
	readonly exe: { readonly dev: number; readonly path: string } | null;
	readonly uid: number;
	/** Path below the watched cgroup, root first: "system.slice/agent.service"; "" is the watched cgroup itself. */
	readonly cgroup: string | null;
}

export interface ListFacts {
	readonly name: string;
	/** As written in the policy; null: the items stand in the policy. */
	readonly file: string | null;
	readonly prefixes: number;
	readonly names: number;
}

/**
 * What the policy needs to know of the host. The core does no I/O of its own.
 * Calls happen while a policy is parsed, once for each list, user and exe.
 */
export interface Environment {
	/** Content of a list file; relative paths are relative to the policy file. Throws Error if it cannot be read. */
	readList(path: string): Uint8Array;
	/** Uid of a user name, or null if there is none. */
	uidOf(name: string): number | null;
	/**
	 * Where a program's file is or would be: symbolic links followed as far as the path exists. An array, because a
	 * caller may know several places of one path; empty: there is no such place.
	 */
	exeOf(path: string): readonly { readonly dev: number; readonly path: string }[];
}

/** "group/rule": the name under which a rule is counted and shown. The parts of a preset share it. */
export function ruleKey(rule: { readonly group: string; readonly name: string }): string {
	return `${rule.group}/${rule.name}`;
}
