/** The threads that read: a heavy query ends with its client and in time, and delays neither root nor the next caller. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Asker } from "../../../src/records/contract.ts";
import { openForWriting } from "../../../src/store/database.ts";
import { Readers } from "../../../src/store/readers.ts";
import type { TopOptions } from "../../../src/store/top-query.ts";
import { engine } from "./engine.ts";
import { made, scratch } from "./fixture.ts";

const ROWS = 500_000;
/** Reads every row: no rollup has the outcome. */
const HEAVY: TopOptions = { groupBy: ["outcome"], sort: "count", limit: 10, since: null, until: null, terms: [] };

let folder: ReturnType<typeof scratch>;
let file: string;
beforeAll(() => {
	folder = scratch();
	file = join(folder.folder, "history.db");
	const first = engine(folder.folder);
	first.write([made({ id: 1_000_000 })]);
	first[Symbol.dispose]();
	const database = openForWriting(file, 1024 ** 3);
	const columns = (database.prepare("PRAGMA table_info(connection)").all() as unknown as { name: string }[])
		.map(({ name }) => name)
		.filter((name) => name !== "id");
	database.exec(
		`WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ${ROWS}) ` +
			`INSERT INTO connection (id, ${columns.join(", ")}) SELECT 1000000 + n, ${columns.join(", ")} FROM more, connection WHERE id = 1000000`,
	);
	database.close();
}, 120_000);
afterAll(() => folder[Symbol.dispose]());

const asker = (isFirst: boolean): Asker & { readonly gone: AbortController } => {
	const gone = new AbortController();
	return { isFirst, signal: gone.signal, gone };
};

/** With two heavy queries running, one in each thread of the others. */
async function busy(limit?: number) {
	const readers = new Readers({ file, onCorrupt: () => {}, ...(limit === undefined ? {} : { limit }) });
	const ended: string[] = [];
	const ask = async (who: Asker, name: string, query: TopOptions = HEAVY) => {
		try {
			return await readers.query(who, "top", query);
		} finally {
			ended.push(name);
		}
	};
	return { readers, ended, ask, [Symbol.asyncDispose]: () => readers.close() };
}
const light = (readers: Readers, who: Asker) => readers.query(who, "get", 1_000_001);

test("the rows of the heavy query are right, and every one of them is read", { timeout: 120_000 }, async () => {
	await using scene = await busy();
	const rows = await scene.ask(asker(true), "heavy");
	expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(ROWS + 1);
});

test("root's query ends before the heavy ones of others do", { timeout: 120_000 }, async () => {
	await using scene = await busy();
	const heavy = ["a", "b", "c", "d"].map((name) => scene.ask(asker(false), name));
	await light(scene.readers, asker(true));
	expect(scene.ended).toEqual([]);
	await Promise.all(heavy);
});

test("a query ends when its client goes, running or waiting, and the next one is not delayed", {
	timeout: 120_000,
}, async () => {
	await using scene = await busy();
	const first = asker(false);
	const began = performance.now();
	await scene.ask(first, "alone");
	const control = performance.now() - began;
	const who = asker(false);
	const heavy = Array.from({ length: 20 }, (_, at) => scene.ask(who, `h${at}`).catch((error: unknown) => error));
	const other = asker(false);
	const waiting = light(scene.readers, other);
	who.gone.abort();
	const left = performance.now();
	expect(await waiting).toMatchObject({ id: 1_000_001 });
	/* Ten heavy queries were before it in its thread. */
	expect(performance.now() - left).toBeLessThan(5 * control);
	const errors = await Promise.all(heavy);
	expect(errors.map((error) => (error as { code?: string }).code)).toEqual(heavy.map(() => "gone"));
	await expect(scene.ask(who, "late")).rejects.toMatchObject({ code: "gone" });
});

test("a query that takes too long ends with an error that says so, and the thread goes on", {
	timeout: 60_000,
}, async () => {
	await using scene = await busy(1);
	await expect(scene.ask(asker(false), "heavy")).rejects.toMatchObject({
		code: "too_slow",
		message: expect.stringContaining('narrow it with "since"'),
	});
	await expect(light(scene.readers, asker(false))).resolves.toMatchObject({ id: 1_000_001 });
});

test.each([
	["top by name with a pattern in the middle", "top", { groupBy: ["name"], terms: [] }],
	["top by a field without sums", "top", { groupBy: ["outcome", "name"], terms: [] }],
	["connections by bytes", "query", { sort: "-bytesOut", after: null, budget: 60_000 }],
	["names", "names", { after: "" }],
] as const)("%s: the time limit applies", { timeout: 60_000 }, async (_what, operation, options) => {
	const readers = new Readers({ file, onCorrupt: () => {}, limit: -1 });
	const query = { since: null, until: null, terms: [], limit: 10, sort: "count", ...options } as never;
	await expect(readers.query(asker(false), operation, query)).rejects.toMatchObject({ code: "too_slow" });
	await readers.close();
});
