/** The history file without its threads, and the same queries answered by testing every connection. */
import { BlockList, isIPv4 } from "node:net";
import { join } from "node:path";
import { addressText } from "../../../src/base/address.ts";
import { outcomeNames, verdictNames } from "../../../src/native/vocabulary.ts";
import type { Connection } from "../../../src/records/connection.ts";
import type { TopField } from "../../../src/records/contract.ts";
import { BatchBuilder } from "../../../src/store/batch.ts";
import { BatchWriter } from "../../../src/store/batch-writer.ts";
import { openForWriting } from "../../../src/store/database.ts";
import { find, type Selected } from "../../../src/store/find.ts";
import { HANDLERS } from "../../../src/store/requests.ts";
import { type SegmentLimits, Segments } from "../../../src/store/segments.ts";
import { describeProcess, filterOf, made, someProcess, type Words } from "./fixture.ts";

/** Small enough that a few hundred rows fill spans and segments and leave some rows unsealed. */
export const SMALL: SegmentLimits = { rows: 20, age: 3_600_000_000, span: 2 };

export function engine(folder: string, limits = SMALL) {
	const database = openForWriting(join(folder, "history.db"), 1024 ** 3);
	const segments = new Segments(database, limits);
	const records = new BatchWriter(database, segments);
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
		query: (filter: Words, sort: "-first" | "first" | "-last" | "-bytesOut" | "-bytesIn" = "-first", limit = 10_000) =>
			HANDLERS.query(database, { ...selected(filter), sort, limit, after: null, budget: 10_000 }),
		/** Oldest first, without reading the rows. */
		ids: (filter: Words) =>
			find(database, { ...selected(filter), sort: "first", limit: 10_000, after: null, budget: 10_000 }).ids,
		top: (groupBy: readonly TopField[], filter: Words = {}) =>
			HANDLERS.top(database, { ...selected(filter), groupBy, sort: "count", limit: 10_000 }),
		[Symbol.dispose]: () => database.close(),
	};
}

/** In the form that the reader's thread receives. */
export function selected(words: Words): Selected {
	const { since, until, terms = [] } = filterOf(words);
	const micros = (ms: number | undefined) => (ms === undefined ? null : Math.floor(ms * 1000));
	return { since: micros(since), until: micros(until), terms };
}

/** The same connections for the same seed. */
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

/** The filters as docs/api.md describes them. Nothing here is imported from the code under test. */
export function holds(c: Connection, { since, until, ...words }: Words): boolean {
	if (since !== undefined && c.ended && Math.floor(c.last * 1000) < since * 1000) return false;
	if (until !== undefined && c.id >= until * 1000) return false;
	return Object.entries(words).every(([word, values]) => {
		const isNegated = word.startsWith("not-");
		const test = TESTS[word.replace("not-", "")];
		if (test === undefined) throw new Error(`not in the model: ${word}`);
		const any = [values].flat().some((value) => test(c, value as string));
		return any !== isNegated;
	});
}

const TESTS: Readonly<Record<string, (c: Connection, value: string) => boolean>> = {
	kind: (c, value) => c.dns === (value === "dns"),
	open: (c, value) => String(!c.ended) === value,
	verdict: (c, value) => verdictNames[c.verdict] === value,
	phase: (c, value) => c.deciding !== null && ["dns", "connect", "tls", "http"][c.deciding.phase] === value,
	name: (c, value) => c.name !== null && nameRegExp(value).test(c.name),
	address: (c, value) => isInPrefix(addressText(c.remote), value),
	port(c, value) {
		const [from = 0, to = from] = value.split("-").map(Number);
		return c.remotePort >= from && c.remotePort <= to;
	},
	protocol: (c, value) => [String(c.protocol), c.protocol === 6 ? "tcp" : "udp"].includes(value),
	outcome: (c, value) => outcomeNames[c.outcome] === value,
	process: (c, value) =>
		c.process !== null && (String(c.process.pid) === value || glob(value, c.process.comm) || isExe(c, value)),
	exe: isExe,
	unit: (c, value) => glob(value, c.cgroup?.unit ?? null),
	container: (c, value) =>
		glob(value, c.cgroup?.container ?? null) || (value.length >= 4 && (c.cgroup?.container ?? "").startsWith(value)),
	user: (c, value) => String(c.uid) === value || glob(value, describeProcess.user(c.uid)),
	rule: (c, value) => [c.deciding?.rule, ...(c.alerts ?? [])].some((rule) => glob(value, rule?.name ?? null)),
	group: (c, value) => [c.deciding?.rule, ...(c.alerts ?? [])].some((rule) => glob(value, rule?.group ?? null)),
};

function isExe(c: Connection, value: string): boolean {
	const exe = c.process?.exe ?? null;
	return exe !== null && (glob(value, exe) || glob(value, exe.split("/").at(-1) ?? ""));
}

function isInPrefix(address: string, prefix: string): boolean {
	const [host = "", length] = prefix.split("/");
	if (isIPv4(host) !== isIPv4(address)) return false;
	const family = isIPv4(host) ? "ipv4" : "ipv6";
	let list = PREFIXES.get(prefix);
	if (list === undefined) {
		list = new BlockList();
		list.addSubnet(host, Number(length ?? (family === "ipv4" ? 32 : 128)), family);
		PREFIXES.set(prefix, list);
	}
	return list.check(address, family);
}

const PREFIXES = new Map<string, BlockList>();

/** A star that is a whole label matches one label, a leading `**.` one or more labels, and any other star any characters. */
export function nameRegExp(pattern: string): RegExp {
	const text = pattern.toLowerCase().replace(/\.$/, "");
	if (/^\*+$/.test(text)) return /^/;
	const labels = text.split(".").map((label, index) => {
		if (label === "*") return "[^.]+";
		if (label === "**" && index === 0) return "[^.]+(\\.[^.]+)*";
		return runs(label);
	});
	return new RegExp(`^${labels.join("\\.")}$`);
}

function glob(pattern: string, text: string | null): boolean {
	return text !== null && new RegExp(`^${runs(pattern)}$`).test(text);
}

function runs(pattern: string): string {
	return pattern
		.split(/\*+/)
		.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
		.join(".*");
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
