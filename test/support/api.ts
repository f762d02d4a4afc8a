/** The API's responses in the form that tests use. No other file of the tests depends on the API's field names. */
import type { Daemon } from "./daemon.ts";

export type Verdict = "allow" | "deny" | "would_deny";

/** A record, flattened to the fields that tests read. */
export interface Seen {
	readonly id: number;
	readonly kind: "connection" | "dns";
	readonly pid: number | null;
	readonly comm: string | null;
	readonly exe: string | null;
	readonly args: string;
	readonly uid: number | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly cgroup: string | null;
	readonly address: string;
	readonly port: number;
	readonly protocol: string;
	readonly name: string | null;
	readonly encryptedDns: string | null;
	readonly verdict: Verdict;
	readonly phase: string | null;
	readonly rule: string | null;
	readonly reason: string | null;
	/** By phase: "deny rule reason". */
	readonly decisions: Record<string, string>;
	readonly count: number;
	readonly bytesOut: number;
	readonly bytesIn: number;
	readonly end: string | null;
	readonly open: boolean;
}

interface View extends Omit<Seen, "pid" | "comm" | "exe" | "args" | "uid" | "address" | "port" | "decisions"> {
	readonly process: {
		readonly pid: number;
		readonly comm: string;
		readonly exe: string | null;
		readonly args: readonly string[];
		readonly uid: number;
	} | null;
	readonly remote: string;
	readonly remotePort: number;
	readonly decisions: Record<
		string,
		{ readonly verdict: Verdict; readonly rule: string | null; readonly reason: string }
	>;
}

/** Newest first. */
export async function records(daemon: Daemon, query = ""): Promise<Seen[]> {
	const all: View[] = [];
	let cursor = "";
	for (;;) {
		const path = `/v1/connections?limit=1000${query}${cursor}`;
		const page = await daemon.get<{ connections: View[]; next: string | null }>(path);
		all.push(...page.connections);
		if (page.next === null) return all.map(seen);
		cursor = `&cursor=${encodeURIComponent(page.next)}`;
	}
}

export function seen({ process, remote, remotePort, decisions, ...rest }: View): Seen {
	const byPhase = Object.entries(decisions).map(
		([phase, each]) => [phase, `${each.verdict} ${each.rule} ${each.reason}`] as const,
	);
	return {
		...rest,
		pid: process?.pid ?? null,
		comm: process?.comm ?? null,
		exe: process?.exe ?? null,
		args: process?.args.join(" ") ?? "",
		uid: process?.uid ?? null,
		address: remote,
		port: remotePort,
		decisions: Object.fromEntries(byPhase),
	};
}

export interface Status {
	readonly adopted: boolean;
	readonly generation: number;
}

export function status(daemon: Daemon): Promise<Status> {
	return daemon.get<Status>("/v1/status");
}

export interface Sample {
	readonly name: string;
	readonly labels: Record<string, string>;
	readonly value: number;
}

export async function metrics(daemon: Daemon): Promise<Sample[]> {
	const reply = await daemon.ask("GET", "/metrics");
	return reply.text.split("\n").flatMap((line) => {
		const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
		if (match === null) return [];
		const labels = Object.fromEntries(
			[...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((each) => [each[1], each[2]]),
		);
		return [{ name: match[1] ?? "", labels, value: Number(match[3]) }];
	});
}

/** Decisions by "phase verdict reason" and, for those by a rule, "phase action rule NAME". */
export async function decisions(daemon: Daemon): Promise<Map<string, number>> {
	const all = await metrics(daemon);
	const byReason = all.filter((each) => each.name === "sallyport_decisions_total");
	const byRule = all.filter((each) => each.name === "sallyport_rule_decisions_total");
	const sums = new Map<string, number>();
	const add = (key: string, value: number) => sums.set(key, (sums.get(key) ?? 0) + value);
	for (const { labels, value } of byReason) add(`${labels.phase} ${labels.verdict} ${labels.reason}`, value);
	for (const { labels, value } of byRule) add(`${labels.phase} ${labels.action} rule ${labels.rule}`, value);
	return sums;
}
