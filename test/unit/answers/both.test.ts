/** While the file cannot be written, queries merge it with memory, and every record appears once. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BothRecords } from "../../../src/answers/both.ts";
import { RecentRecords } from "../../../src/answers/recent.ts";
import { RecordSources } from "../../../src/answers/sources.ts";
import { ForwardLookup } from "../../../src/connections/forward-lookup.ts";
import type { Connection } from "../../../src/records/connection.ts";
import {
	type HistoryQuery,
	type HistoryReader,
	type HistoryRecord,
	type HistorySort,
	OWN,
} from "../../../src/records/contract.ts";
import { viewer } from "../../../src/records/view.ts";
import { randomConnections } from "../store/engine.ts";
import { describeProcess, filterOf, made, type Opened, opened, scratch } from "../store/fixture.ts";

const START = Date.now() * 1000 - 7_200_000_000;
const old = randomConnections(300, 7, START, 1_000_000);
const fresh = randomConnections(200, 11, START + 200_000_000, 1_000_000).map((each, index) => {
	Object.assign(each, { cookie: 1_000_000 + index });
	return each;
});
/** In file and memory, and changed since it was written. */
const changed = old.slice(250).map((each) => {
	const now = made({ id: each.id, cookie: each.cookie, bytesOut: each.bytesOut + 1_000, ended: true, lasted: 900_000 });
	now.name = each.name;
	return now;
});
const inMemory = [...changed, ...fresh];
const all = [...old.slice(0, 250), ...inMemory];

const names = new ForwardLookup(1_000);
const recent = (connections: readonly Connection[]) =>
	new RecentRecords({
		connections: () => connections,
		names,
		describe: describeProcess,
		view: viewer(describeProcess),
	});

let folder: ReturnType<typeof scratch>;
let history: Opened;
let both: BothRecords;
beforeAll(async () => {
	folder = scratch();
	history = opened({ file: join(folder.folder, "history.db") });
	for (const each of old) history.record(each);
	await history.flush();
	both = new BothRecords({ history, connections: () => inMemory, recent });
});
afterAll(async () => {
	await history.close();
	folder[Symbol.dispose]();
});

async function walk(reader: HistoryReader, query: HistoryQuery): Promise<readonly number[]> {
	const ids: number[] = [];
	let cursor: string | null = null;
	for (let pages = 0; pages < 1_000; pages++) {
		const page: { rows: readonly HistoryRecord[]; next: string | null } = await reader.query({
			...query,
			...(cursor === null ? {} : { cursor }),
		});
		expect(page.rows.length).toBeLessThanOrEqual(query.limit ?? 100);
		ids.push(...page.rows.map(({ id }) => id));
		cursor = page.next;
		if (cursor === null) return ids;
	}
	throw new Error("it never ends");
}

const SORTS: readonly HistorySort[] = ["-first", "first", "-last", "-bytesOut", "-bytesIn"];

test.each(SORTS.flatMap((sort) => [7, 100].map((limit) => [sort, limit] as const)))(
	"sorted by %s in pages of %i: each record once, in order",
	async (sort, limit) => {
		for (const words of [{}, { verdict: "deny" }, { open: "true" }, { name: ["*host1*", "**.org"], port: "443" }]) {
			const filter = filterOf(words);
			expect(await walk(both, { sort, limit, filter })).toEqual(await walk(recent(all), { sort, limit, filter }));
		}
	},
);

test("a record that is in both is shown as memory has it, written or read", async () => {
	const [one] = changed;
	if (one === undefined) throw new Error("none");
	expect(await both.get(one.id)).toMatchObject({ bytesOut: one.bytesOut, open: false });
	expect(await both.get(old[0]?.id ?? 0)).toMatchObject({ id: old[0]?.id });
	const { rows } = await both.query({ limit: 120 });
	const { parts, count } = await both.write({ limit: 120 }, "ndjson");
	const lines = Buffer.concat(parts).toString().trim().split("\n");
	expect([count, lines.map((line) => JSON.parse(line) as object)]).toEqual([120, rows]);
});

test("sums count each record once", async () => {
	const union = recent([...old, ...fresh]);
	for (const groupBy of [["name"], ["process", "verdict"]] as const) {
		const rows = await both.top({ groupBy, limit: 1_000 });
		const expected = await union.top({ groupBy, limit: 1_000 });
		const plain = (each: readonly { key: object; count: number; denied: number; bytesOut: number }[]) =>
			each.map(({ key, count, denied, bytesOut }) => JSON.stringify([key, count, denied, bytesOut])).sort();
		expect(plain(rows)).toEqual(plain(expected));
		expect(rows.map(({ count }) => count)).toEqual(expected.map(({ count }) => count));
	}
	const pages: string[] = [];
	for (let cursor: string | null = ""; cursor !== null; ) {
		const page = await both.names({ limit: 4, ...(cursor === "" ? {} : { cursor }) });
		pages.push(...page.rows.map(({ name, questions, connections }) => `${name} ${questions} ${connections}`));
		cursor = page.next;
	}
	const expected = await union.names({ limit: 1_000 });
	expect(pages).toEqual(expected.rows.map(({ name, questions, connections }) => `${name} ${questions} ${connections}`));
	const { name = "" } = expected.rows[0] ?? {};
	const { addresses: _, ...record } = (await both.name(name)) ?? { addresses: [] };
	const { addresses: __, ...asked } = (await union.name(name)) ?? { addresses: [] };
	expect(record).toMatchObject({
		name,
		questions: expected.rows[0]?.questions,
		connections: expected.rows[0]?.connections,
	});
	expect(Object.keys(record).sort()).toEqual(Object.keys(asked).sort());
});

test("the source of an answer follows the state of the history", async () => {
	const failure = { code: "disk_full", message: "The disk is full", time: Date.parse("2026-01-02T03:04:05Z") } as const;
	const sources = (state: "writing" | "waiting" | "off") =>
		new RecordSources({
			recent: recent(inMemory),
			both: () => both,
			history: {
				...history,
				status: () => ({ ...history.status(), state, failure: state === "writing" ? null : failure }),
			},
			recorder: null,
			drain: async () => {},
			flushTimeout: 1_000,
		});
	const unwritten = { since: "2026-01-02T03:04:05.000Z", why: "The disk is full" };
	expect(await sources("writing").read(OWN)).toMatchObject({ source: "history", unwritten: null });
	expect(await sources("waiting").read(OWN)).toMatchObject({ source: "both", reader: both, unwritten });
	expect(await sources("waiting").read(OWN, "history")).toMatchObject({ source: "history", unwritten });
	expect(await sources("off").read(OWN)).toMatchObject({ source: "memory", unwritten });
});
