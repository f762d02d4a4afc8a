/** The file without its threads, and the same questions answered by looking at every connection. */

import { join } from "node:path";
import { addressMatcher, addressText } from "../../../src/base/address.ts";
import { verdictNames } from "../../../src/native/vocabulary.ts";
import type { Connection } from "../../../src/records/connection.ts";
import type { TopField } from "../../../src/records/contract.ts";
import type { ConnectionFilter } from "../../../src/records/filter.ts";
import { namePattern } from "../../../src/records/patterns.ts";
import { BatchBuilder } from "../../../src/store/batch.ts";
import { Records } from "../../../src/store/batch-writer.ts";
import { openForWriting } from "../../../src/store/database.ts";
import { wanted } from "../../../src/store/filter-keys.ts";
import { HANDLERS } from "../../../src/store/requests.ts";
import { type SegmentLimits, Segments } from "../../../src/store/segments.ts";
import { describeProcess, made, someProcess } from "./scene.ts";

/** Small, so that a few hundred rows have spans, segments and what is not sealed. */
export const SMALL: SegmentLimits = { rows: 20, age: 3_600_000_000, span: 2 };

export function engine(folder: string, limits = SMALL) {
	const database = openForWriting(join(folder, "history.db"), 1024 ** 3);
	const segments = new Segments(database, limits);
	const records = new Records(database, segments);
	return {
		database,
		records,
		segments,
		write(connections: readonly Connection[]): void {
			const builder = new BatchBuilder(describeProcess);
			for (const connection of connections) builder.add(connection);
			records.write(builder.take());
		},
		seal(): void {
			while (segments.step(records.newest));
		},
		query: (
			filter: ConnectionFilter,
			sort: "-first" | "first" | "-last" | "-bytesOut" | "-bytesIn" = "-first",
			limit = 10_000,
		) => HANDLERS.query(database, { wanted: wanted(filter), sort, limit, after: null, patience: 10_000 }),
		top: (groupBy: readonly TopField[], filter: ConnectionFilter = {}) =>
			HANDLERS.top(database, { wanted: wanted(filter), groupBy, sort: "count", limit: 10_000 }),
		[Symbol.dispose]: () => database.close(),
	};
}

/** By a seed: the same each time. */
export function randomConnections(count: number, seed: number, from: number, step: number): Connection[] {
	let state = seed;
	const random = (below: number) => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return (state >>> 8) % below;
	};
	return Array.from({ length: count }, (_, index) =>
		made({
			id: from + index * step + random(step),
			name:
				random(6) === 0
					? null
					: `${["a", "b", "a.b"][random(3)]}.host${random(5)}.example.${["com", "org"][random(2)]}`,
			dns: random(5) === 0,
			cookie: index + 1,
			process: random(10) === 0 ? null : someProcess(10 + random(6), ["curl", "node", "wget"][random(3)]),
			unit: ["a.service", "b.service", null][random(3)] ?? null,
			container: random(4) === 0 ? "0123456789abcdef" : null,
			remote: random(4) === 0 ? `2001:db8::${random(20)}` : `10.${random(3)}.0.${random(20)}`,
			port: [443, 80, 8080, 53][random(4)] ?? 0,
			verdict: [1, 1, 1, 2, 3][random(5)] ?? 1,
			rule:
				random(5) === 0
					? null
					: { group: ["web", "mail"][random(2)] ?? "", name: ["api", "smtp", "x"][random(3)] ?? "" },
			ended: random(8) !== 0,
			lasted: random(10) === 0 ? 400_000 : random(1_000),
			bytesOut: random(50),
			bytesIn: random(5_000),
		}),
	);
}

/** What history.ts says of filters, said again in the plainest way. */
export function holds(c: Connection, f: ConnectionFilter): boolean {
	const unit = c.cgroup?.unit ?? "";
	const comm = c.process?.comm ?? "";
	const exe = c.process?.exe ?? "";
	const rule = c.deciding?.rule ?? null;
	const port = typeof f.port === "number" ? { from: f.port, to: f.port } : f.port;
	const isExe = (text: string) => exe !== "" && (exe === text || exe.endsWith(`/${text}`));
	return (
		(f.since === undefined || Math.floor(c.last * 1000) >= f.since * 1000 || !c.ended) &&
		(f.until === undefined || c.id < f.until * 1000) &&
		(f.kind === undefined || c.dns === (f.kind === "dns")) &&
		(f.open === undefined || c.ended !== f.open) &&
		(f.verdict === undefined || verdictNames[c.verdict] === f.verdict) &&
		(f.name === undefined || (c.name !== null && (f.name === "**" || namePattern(f.name).matches(c.name)))) &&
		(f.address === undefined || addressMatcher(f.address)?.(c.remote) === true) &&
		(port === undefined || (c.remotePort >= port.from && c.remotePort <= port.to)) &&
		(f.protocol === undefined || f.protocol === (c.protocol === 6 ? "tcp" : "udp")) &&
		(f.process === undefined || comm === f.process || isExe(f.process) || String(c.process?.pid) === f.process) &&
		(f.exe === undefined || isExe(f.exe)) &&
		(f.unit === undefined || unit === f.unit) &&
		(f.container === undefined || (c.cgroup?.container ?? "").startsWith(f.container)) &&
		(f.user === undefined || String(c.uid) === f.user || describeProcess.user(c.uid) === f.user) &&
		(f.rule === undefined || rule?.name === f.rule) &&
		(f.group === undefined || rule?.group === f.group)
	);
}

export function keyOf(c: Connection, field: TopField): string | number | null {
	switch (field) {
		case "name":
			return c.name;
		case "address":
			return addressText(c.remote);
		case "port":
			return c.remotePort;
		case "unit":
			return c.cgroup?.unit ?? null;
		case "verdict":
			return verdictNames[c.verdict] ?? null;
		case "rule":
			return c.deciding?.rule?.name ?? null;
		case "process":
			return c.process?.comm ?? null;
		default:
			throw new Error(`not in the model: ${field}`);
	}
}
