/** Connections in the form that the connection table produces, and a history in its own directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAddress } from "../../../src/base/address.ts";
import type { ProcessInfo } from "../../../src/identity/process-table.ts";
import { PHASE, VERDICT } from "../../../src/native/layout.ts";
import { Connection, type PhaseDecision } from "../../../src/records/connection.ts";
import type { History } from "../../../src/records/contract.ts";
import { type ConnectionFilter, parseTerms, type TermTexts } from "../../../src/records/filter.ts";
import type { HistoryFailure } from "../../../src/records/history-status.ts";
import type { Describer } from "../../../src/records/view.ts";
import { type HistoryOptions, openHistory } from "../../../src/store/open.ts";

/** A filter in the tests' notation: words with texts, time limits in ms. */
export type Words = TermTexts & { readonly since?: number; readonly until?: number };

export function filterOf({ since, until, ...texts }: Words): ConnectionFilter {
	return {
		...(since === undefined ? {} : { since }),
		...(until === undefined ? {} : { until }),
		terms: parseTerms(texts),
	};
}

export const DAY = 86_400_000;

export const describeProcess: Describer = {
	exe: (process) => process.exe,
	user: (uid) => (uid === 0 ? "root" : uid === 1000 ? "agent" : null),
};

export function someProcess(pid = 100, comm = "curl", uid = 1000): ProcessInfo {
	return {
		pid,
		start: pid * 1e9,
		ppid: 1,
		uid,
		comm,
		parentComm: "bash",
		args: `${comm}\0https://example.com\0`,
		device: 1,
		leafFirst: "",
		exe: `/usr/bin/${comm}`,
	};
}

export interface Made {
	readonly id: number;
	readonly name?: string | null;
	readonly dns?: boolean;
	readonly cookie?: number;
	readonly process?: ProcessInfo | null;
	readonly unit?: string | null;
	readonly container?: string | null;
	readonly remote?: string;
	readonly port?: number;
	readonly protocol?: number;
	readonly verdict?: number;
	readonly rule?: { readonly group: string; readonly name: string } | null;
	readonly ended?: boolean;
	/** [ms] after the beginning. */
	readonly lasted?: number;
	readonly bytesOut?: number;
	readonly bytesIn?: number;
}

/** `id`: [µs] since the epoch. */
export function made(options: Made): Connection {
	const { id, name = "example.com", dns = false, process = someProcess(), ended = true, lasted = 10 } = options;
	const remote = packAddress(options.remote ?? "192.0.2.1") ?? "";
	const connection = new Connection({
		id,
		cookie: options.cookie ?? id % 1_000_003,
		dns,
		first: id / 1000,
		process,
		uid: process?.uid ?? 0,
		cgroup: {
			id: 1,
			path: "system.slice/x",
			unit: options.unit === undefined ? "agent.service" : options.unit,
			container: options.container ?? null,
		},
		protocol: options.protocol ?? (dns ? 17 : 6),
		remote,
		remotePort: options.port ?? (dns ? 53 : 443),
		local: packAddress("10.0.0.1") ?? "",
		localPort: 40_000,
	});
	connection.name = name;
	connection.nameFromHello = !dns && name !== null;
	connection.last = id / 1000 + lasted;
	connection.ended = ended;
	connection.end = ended ? 1 : 0;
	connection.bytesOut = options.bytesOut ?? 100;
	connection.bytesIn = options.bytesIn ?? 1_000;
	connection.packetsOut = 3;
	connection.packetsIn = 4;
	connection.queryType = dns ? 1 : 0;
	connection.outcome = dns ? 1 + (id % 6) : 0;
	connection.decide(decision(options.verdict ?? VERDICT.allow, options.rule, dns ? PHASE.dns : PHASE.connect));
	return connection;
}

export function decision(
	verdict: number,
	rule: { readonly group: string; readonly name: string } | null = RULE,
	phase: number = PHASE.connect,
): PhaseDecision {
	return { phase, verdict, reason: 1, rule, generation: 3 };
}

export const RULE = { group: "web", name: "api" };

/** A directory that `using` removes. */
export function scratch(prefix = "sallyport-history-"): { readonly folder: string; [Symbol.dispose](): void } {
	const folder = mkdtempSync(join(tmpdir(), prefix));
	return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Opened extends History {
	readonly failures: (HistoryFailure | null)[];
	[Symbol.asyncDispose](): Promise<void>;
}

export function opened(
	options: Partial<HistoryOptions> & { readonly file: string },
	startWriter?: Parameters<typeof openHistory>[1],
): Opened {
	const failures: (HistoryFailure | null)[] = [];
	const history = openHistory(
		{
			maxAge: 30 * DAY,
			maxBytes: 1024 ** 3,
			describe: describeProcess,
			buffer: 65_536,
			onFailure: (failure) => failures.push(failure),
			...options,
		},
		startWriter,
	);
	return { ...history, failures, [Symbol.asyncDispose]: () => history.close() };
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
	const end = Date.now() + ms;
	while (!(await holds())) {
		if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
