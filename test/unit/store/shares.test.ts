/** A source that floods loses its own records. Those of others stay, and so do its own earlier ones. */
import { expect, test } from "vitest";
import { VERDICT } from "../../../src/native/layout.ts";
import type { Connection } from "../../../src/records/connection.ts";
import { QueueShares } from "../../../src/store/queue-shares.ts";
import { Retention } from "../../../src/store/retention.ts";
import { type Holding, victimOf } from "../../../src/store/share.ts";
import { engine } from "./engine.ts";
import { DAY, made, scratch, someProcess } from "./fixture.ts";

const NOW = 1_800_000_000_000;
const LIMITS = { rows: 1_000, age: 3_600_000_000, span: 4 };

function connections(
	count: number,
	from: number,
	step: number,
	more: Parameters<typeof made>[0] extends infer M ? Partial<M> : never,
) {
	return Array.from({ length: count }, (_, index) =>
		made({ id: (from + index * step) * 1000, cookie: (from % 1e6) + index, ...(more as object) }),
	);
}

/* Writes 100,000 denials of many destinations within some minutes, as retention runs. */
function flood(file: ReturnType<typeof engine>, it: Retention, from: number) {
	const attacker = someProcess(666, "flood", 65_534);
	for (let batch = 0; batch < 50; batch++) {
		const rows: Connection[] = [];
		for (let index = 0; index < 2_000; index++) {
			const number = batch * 2_000 + index;
			rows.push(
				made({
					...{ id: (from + number) * 1000, cookie: number + 1e9, name: null, process: attacker, unit: "user.service" },
					...{ remote: `198.18.${(number >> 8) & 255}.${number & 255}`, port: 1 + (number >> 16) },
					verdict: VERDICT.deny,
				}),
			);
		}
		file.write(rows);
		while (it.step());
	}
}

test("a flood removes neither the rows of others nor what its source did before", () => {
	using folder = scratch();
	using file = engine(folder.folder, LIMITS);
	const maxBytes = 8 * 1024 * 1024;
	const it = new Retention({
		...{ database: file.database, records: file.records },
		maxAge: 30 * DAY,
		maxBytes,
		now: () => NOW,
	});
	const victim = connections(3_000, NOW - 3 * DAY, 60_000, { unit: "web.service", process: someProcess(1, "web") });
	const before = connections(40, NOW - 2.5 * DAY, 1_000, {
		unit: "user.service",
		process: someProcess(2, "scp", 65_534),
	});
	file.write([...victim, ...before].sort((a, b) => a.id - b.id));
	while (it.step());
	flood(file, it, NOW - DAY / 2);
	expect(it.expired).toBeGreaterThan(50_000);
	expect(file.query({ unit: "web.service" }, "first").rows).toHaveLength(victim.length);
	expect(file.query({ process: "scp" }, "first").rows).toHaveLength(before.length);
	const left = file.top(["unit"]);
	const rows = file.database.prepare("SELECT count(*) AS n FROM connection").get() as { n: number };
	expect(left.reduce((sum, { count }) => sum + count, 0)).toBe(rows.n);
	expect(rows.n).toBe(file.records.rows);
	for (const [unit, count] of left.map(({ key, count }) => [key.unit ?? "", count] as const))
		expect(file.query({ unit: String(unit) }, "first", 10_000).rows.length, String(unit)).toBe(Math.min(count, 10_000));
	for (const table of ["by_name", "by_workload", "by_steps", "by_remote"]) {
		const lost = `SELECT count(*) AS n FROM ${table} WHERE id NOT IN (SELECT id FROM connection)`;
		expect(file.database.prepare(lost).get(), table).toEqual({ n: 0 });
	}
	expect(it.throttled()).toMatchObject([{ source: "user.service", removed: it.expired }]);
	/* The first of the flood can be found in each of its parts. */
	expect(file.query({ process: "flood" }, "first", 1).rows[0]?.id).toBe((NOW - DAY / 2) * 1000);
}, 120_000);

test("400 days forward for five seconds delete nothing", () => {
	using folder = scratch();
	using file = engine(folder.folder, LIMITS);
	const time = { wall: NOW, monotonic: 1_000_000 };
	const it = new Retention({
		...{ database: file.database, records: file.records, maxAge: 30 * DAY, maxBytes: 1024 ** 3 },
		now: () => time.wall,
		monotonic: () => time.monotonic,
	});
	const pass = (ms: number) => {
		time.wall += ms;
		time.monotonic += ms;
		while (it.step());
	};
	file.write(connections(15_000, NOW - DAY, 1_000, {}));
	pass(1_000);
	time.wall += 400 * DAY;
	file.write(connections(20, time.wall, 200, { cookie: 77 }));
	pass(5_000);
	time.wall -= 400 * DAY;
	file.write(connections(20, time.wall, 10, { cookie: 78 }));
	pass(1_000);
	pass(3_600_000);
	expect(it.expired).toBe(0);
	expect(file.records.rows).toBe(15_040);
	expect(file.top(["verdict"])[0]?.count).toBe(15_040);
	expect(file.query({}, "-first", 3).rows[0]?.first.slice(0, 4)).toBe("2028");
	/* Time that has passed is not forgotten. */
	for (let day = 0; day < 35; day++) pass(DAY);
	expect(it.expired).toBe(15_020);
});

const holding = (id: number, low: number, high: number, rows: Record<string, number>): Holding => ({
	part: { id, low: low * 1e6, high: high * 1e6, span: 0 },
	rows: new Map(Object.entries(rows)),
});

test("the source with most rows gives way: in a flood where it is densest, else the oldest", () => {
	const calm = [
		holding(1, 0, 100, { a: 50, b: 40 }),
		holding(2, 100, 200, { a: 60, b: 40 }),
		holding(3, 200, 300, { b: 1 }),
	];
	expect(victimOf(calm)).toMatchObject({ source: "a", part: { id: 1 }, flood: false });
	const flooded = [...calm, holding(4, 300, 301, { a: 500 }), holding(5, 301, 302, { a: 499, b: 1 })];
	expect(victimOf(flooded)).toMatchObject({ source: "a", part: { id: 4 }, flood: true });
	expect(victimOf([])).toBeNull();
	expect(victimOf([holding(1, 0, 1, {})])).toBeNull();
});

test("in a buffer that is half full each source has an equal part, another one for its denials, and one alone has all", () => {
	const shares = new QueueShares(1_000, 16);
	const record = (unit: string) => made({ id: 1, unit });
	for (let waiting = 0; waiting < 1_000; waiting++) expect(shares.take(record("a"), false, waiting, 5)).toBe(true);
	expect(shares.take(record("b"), false, 100, 5)).toBe(true);
	let taken = 0;
	for (let count = 0; count < 400; count++) if (shares.take(record("a"), false, 500 + taken, 5 + count)) taken++;
	expect(taken).toBe(125);
	expect(shares.throttled()).toEqual([{ source: "a", removed: 0, dropped: 275, since: 130, last: 404 }]);
	for (let count = 0; count < 125; count++) expect(shares.take(record("a"), true, 760, 9)).toBe(true);
	expect(shares.take(record("a"), true, 760, 404)).toBe(false);
	for (let count = 0; count < 100; count++) expect(shares.take(record("b"), false, 625 + count, 9)).toBe(true);
	/* The buffer has drained. */
	expect(shares.take(record("a"), false, 499, 9)).toBe(true);
	expect(shares.take(record("a"), false, 500, 9)).toBe(true);
});
