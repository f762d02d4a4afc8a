/** Evaluates recorded connections by two policies. */
import type { Environment, Phase, Policy } from "../model.ts";
import { PROTOCOLS } from "../numbers.ts";
import { type Connection, type Decision, evaluate } from "./evaluate.ts";

/** The fields of a record (records/view.ts) that an evaluation needs. */
export interface RecordedConnection {
	readonly last: string;
	readonly remote: string;
	readonly remotePort: number;
	readonly protocol: string;
	readonly name: string | null;
	readonly process: { readonly comm: string; readonly exe: string | null; readonly uid: number } | null;
	readonly unit: string | null;
	/** Path relative to the watched cgroup. */
	readonly cgroup: string | null;
	/** Phases that were judged. */
	readonly decisions: Readonly<Partial<Record<string, { readonly reason: string }>>>;
}

export interface Outcome {
	readonly verdict: "allow" | "deny" | "would_deny";
	/** The phase that denied, else the last one. */
	readonly phase: Phase;
	readonly group: string | null;
	readonly rule: string | null;
	readonly reason: string;
}

/** A group of similar connections that only one of two policies allows. */
export interface DecidedOtherwise {
	readonly name: string | null;
	/** Address of the latest connection. */
	readonly remote: string;
	readonly port: number;
	readonly protocol: string;
	readonly process: string | null;
	readonly unit: string | null;
	readonly before: Outcome;
	readonly after: Outcome;
	readonly count: number;
	readonly last: string;
}

/**
 * The connections that only one of the policies allows, grouped by name, process and rules, the most frequent first.
 * The name of a connection counts as learned for its address, unless the record has the reason name_unbound.
 */
export function decidedOtherwise(
	before: Policy,
	after: Policy,
	records: Iterable<RecordedConnection>,
	{ exeOf }: Pick<Environment, "exeOf">,
): DecidedOtherwise[] {
	const outcomes = new Map<string, readonly [Outcome, Outcome] | null>();
	const groups = new Map<string, { -readonly [K in keyof DecidedOtherwise]: DecidedOtherwise[K] }>();
	for (const record of records) {
		const connections = connectionsOf(record, exeOf);
		/* Many records are alike: each kind is evaluated once. */
		const kind = JSON.stringify(connections);
		if (!outcomes.has(kind)) outcomes.set(kind, bothOutcomes(before, after, connections));
		const outcome = outcomes.get(kind);
		if (outcome === undefined || outcome === null || outcome[0].verdict === outcome[1].verdict) continue;
		const { name, remote, remotePort: port, protocol, process, unit, last } = record;
		const key = JSON.stringify([name ?? remote, port, protocol, process?.comm, unit, ...outcome]);
		const group = groups.get(key);
		if (group === undefined) {
			const [was, is] = outcome;
			const who = { process: process?.comm ?? null, unit };
			groups.set(key, { name, remote, port, protocol, ...who, before: was, after: is, count: 1, last });
			continue;
		}
		group.count++;
		if (last > group.last) Object.assign(group, { last, remote });
	}
	return [...groups.values()].sort((a, b) => b.count - a.count || (a.last < b.last ? 1 : -1));
}

function bothOutcomes(
	before: Policy,
	after: Policy,
	connections: readonly Connection[],
): readonly [Outcome, Outcome] | null {
	const [was, is] = [before, after].map((policy) => outcomeOf(policy, connections));
	return was === undefined || is === undefined || was === null || is === null ? null : [was, is];
}

function outcomeOf(policy: Policy, connections: readonly Connection[]): Outcome | null {
	let last: Outcome | null = null;
	for (const connection of connections) {
		last = outcomeIn(connection.phase, evaluate(policy, connection));
		if (last.verdict !== "allow") return last;
	}
	return last;
}

function outcomeIn(phase: Phase, { verdict, reason, rule }: Decision): Outcome {
	return { verdict, phase, group: rule?.group ?? null, rule: rule?.name ?? null, reason };
}

/* Records do not have the method and path that phase http needs. */
const REPLAYED: readonly Phase[] = ["dns", "connect", "tls"];

/* One connection for each phase that was judged, in their order. */
function connectionsOf(record: RecordedConnection, exeOf: Environment["exeOf"]): Connection[] {
	const { remote, remotePort, name, process, cgroup, decisions } = record;
	const protocol = PROTOCOLS.get(record.protocol === "icmp6" ? "icmpv6" : record.protocol) ?? Number(record.protocol);
	const path = process?.exe ?? null;
	const exe = path === null ? null : (exeOf(path)[0] ?? { dev: -1, path });
	const unbound = Object.values(decisions).some((each) => each?.reason === "name_unbound");
	const trustedResolver = decisions["dns"] !== undefined || decisions["connect"]?.reason === "resolver";
	const connection = {
		address: remote,
		port: remotePort,
		protocol,
		who: { exe, uid: process?.uid ?? -1, cgroup },
		learned: name === null || unbound || decisions["dns"] !== undefined ? [] : [name],
		name,
		trustedResolver,
		dnsMessage: trustedResolver,
	};
	return REPLAYED.filter((phase) => decisions[phase] !== undefined).map((phase) => ({ ...connection, phase }));
}
