/** Records are read as they were recorded, once each, through the threads. */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import { OUTCOME } from "../../../src/native/layout.ts";
import { FilterError, HistoryError } from "../../../src/records/query-errors.ts";
import { viewer } from "../../../src/records/view.ts";
import { ConnectionIds } from "../../../src/store/ids.ts";
import { engine } from "./engine.ts";
import { decision, describeProcess, filterOf, made, opened, scratch, someProcess, until } from "./fixture.ts";

const NOW = Date.now() * 1000;

test("a connection is read as its view, with the fields that only records have", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "sub/history.db") });
	const connection = made({ id: NOW, remote: "2001:db8::7", container: "0123456789ab", bytesOut: 7, bytesIn: 8 });
	connection.decide(decision(2, { group: "web", name: "no-sni" }, 2));
	connection.alert({ group: "watch", name: "odd" });
	connection.rttUs = 1_234;
	connection.retransmits = 2;
	connection.ech = true;
	connection.request = { method: "GET", host: "a.test", path: "/\x1b", status: 404 };
	connection.requests = 3;
	connection.nameFromHello = false;
	connection.nameFromRequest = true;
	history.record(connection);
	await history.flush();
	const { rows, next } = await history.query({});
	expect(next).toBeNull();
	const { rttUs, retransmits, encryptedHello, ...view } = rows[0] ?? ({} as never);
	expect(view).toEqual(viewer(describeProcess)(connection));
	expect({ rttUs, retransmits, encryptedHello }).toEqual({ rttUs: 1_234, retransmits: 2, encryptedHello: true });
	expect(await history.get(NOW)).toEqual(rows[0]);
	expect(await history.get(1)).toBeNull();
	expect(history.status()).toMatchObject({ state: "writing", rows: 1, failure: null, dropped: 0, waiting: 0 });
});

test("a DNS question is read with its answers, and a name with its addresses and clients", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "history.db") });
	const question = made({ id: NOW, dns: true, name: "api.example.com" });
	question.outcome = OUTCOME.answered;
	question.addresses = [packAddress("192.0.2.9") ?? "", packAddress("2001:db8::9") ?? ""];
	history.record(question);
	history.record(made({ id: NOW + 10, name: "api.example.com", process: someProcess(7, "node"), verdict: 2 }));
	for (const [address, ttl] of [
		["192.0.2.9", 300],
		["2001:db8::9", 60],
		["192.0.2.9", 30],
	] as const) {
		const time = NOW / 1000 + 300 - ttl;
		history.recordAnswer({
			name: "api.example.com",
			address: packAddress(address) ?? "",
			ttl,
			time,
			trusted: ttl !== 60,
		});
	}
	await history.flush();
	const [row] = (await history.query({ filter: filterOf({ kind: "dns" }) })).rows;
	expect(row?.query).toEqual({ type: "A", outcome: "answered", addresses: ["192.0.2.9", "2001:db8::9"] });
	const name = await history.name("API.example.com.");
	expect(name).toMatchObject({ name: "api.example.com", questions: 1, connections: 1, denied: 1, wouldDeny: 0 });
	expect(name?.addresses.map(({ address, ttl, trusted }) => [address, ttl, trusted])).toEqual([
		["192.0.2.9", 30, true],
		["2001:db8::9", 60, false],
	]);
	expect(name?.askedBy.map(({ process, questions, connections }) => [process, questions, connections])).toEqual([
		["node", 0, 1],
		["curl", 1, 0],
	]);
	expect((await history.names(filterOf({ name: "*.example.com" }))).rows).toHaveLength(1);
	expect((await history.names({ since: NOW / 1000 + 1e7 })).rows).toHaveLength(0);
	expect(await history.name("nobody.example.com")).toBeNull();
});

test("names are listed page by page", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "history.db") });
	for (let index = 0; index < 25; index++)
		history.record(made({ id: NOW + index, name: `n${String.fromCharCode(97 + index)}.example.com` }));
	await history.flush();
	const seen: string[] = [];
	for (let cursor: string | null | undefined; cursor !== null; ) {
		const page = await history.names({ limit: 10, ...(cursor === undefined ? {} : { cursor }) });
		seen.push(...page.rows.map(({ name }) => name));
		cursor = page.next;
	}
	expect(seen).toEqual(seen.toSorted());
	expect(new Set(seen).size).toBe(25);
});

test("policy changes and daemon starts are kept, newest first", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "history.db") });
	const now = Date.now();
	const change = {
		generation: 4,
		mode: "enforce",
		origin: "file",
		source: "/p",
		etag: "x",
		text: "version: 1",
		problems: [],
	};
	history.recordPolicyChange({ ...change, time: now, loaded: true });
	history.recordPolicyChange({
		...change,
		time: now + 1_000,
		loaded: false,
		text: "x".repeat(300_000),
		problems: ["line 1"],
	});
	history.recordStart({ time: now - 100, version: "1.0", pid: 1, adopted: true, generation: 4, kernel: "6.1" });
	await history.flush();
	const changes = await history.policyChanges({});
	expect(changes.map(({ time, loaded, text }) => [time, loaded, text])).toEqual([
		[now + 1_000, false, null],
		[now, true, "version: 1"],
	]);
	expect(await history.policyChanges({ since: now + 500 })).toHaveLength(1);
	expect(await history.starts({})).toMatchObject([{ version: "1.0", adopted: true }]);
});

test("a connection that changes stays one row, before and after it is sealed, and the sums follow", () => {
	using folder = scratch();
	using file = engine(folder.folder);
	const connections = Array.from({ length: 200 }, (_, index) =>
		made({ id: NOW + index * 1e6, ended: index !== 5, cookie: index + 1 }),
	);
	const [first] = connections.slice(5);
	if (first === undefined) throw new Error("no connection");
	file.write(connections);
	file.write(connections.slice(0, 10));
	file.seal();
	file.write(connections.slice(0, 10));
	first.ended = true;
	first.bytesOut = 5_000;
	first.name = "other.example.com";
	first.decide(decision(2));
	file.write([first]);
	file.write([first]);
	expect(file.records.rows).toBe(200);
	expect(file.query({}).rows).toHaveLength(200);
	expect(file.query({ name: "other.example.com", verdict: "deny" }).rows.map(({ id }) => id)).toEqual([first.id]);
	expect(file.top(["name"]).map(({ key, count, denied, bytesOut }) => [key.name, count, denied, bytesOut])).toEqual([
		["example.com", 199, 0, 19_900],
		["other.example.com", 1, 1, 5_000],
	]);
});

test("sums stay correct when a connection changes while its segments become a span", () => {
	using folder = scratch();
	using file = engine(folder.folder);
	const connections = Array.from({ length: 200 }, (_, index) => made({ id: NOW + index * 1e6, cookie: index + 1 }));
	file.write(connections);
	const [first] = connections;
	while (first !== undefined && file.segments.step(file.records.newest)) {
		first.bytesOut += 10;
		file.write([first]);
	}
	const levels = (
		file.database.prepare("SELECT DISTINCT level FROM top_all ORDER BY level").all() as { level: number }[]
	).map(({ level }) => level);
	expect(levels).toEqual([0, 1, 2, 3]);
	for (const table of ["top_name", "top_who", "top_remote", "top_all"]) {
		const sums = (level: number, where: string) =>
			file.database
				.prepare(
					`SELECT sum(n) AS n, sum(bytes_out) AS bytes, max(last) AS last FROM ${table} WHERE level = ${level} AND part IN (${where})`,
				)
				.get();
		for (const level of levels.slice(1)) {
			const below = level === 1 ? "segment WHERE" : `span WHERE level = ${level - 1} AND`;
			expect(sums(level, `SELECT id FROM span WHERE level = ${level}`), `${table} ${level}`).toEqual(
				sums(level - 1, `SELECT id FROM ${below} span <> 0`),
			);
		}
	}
});

test("a writer that dies between two steps of a span counts nothing twice", () => {
	using folder = scratch();
	const connections = Array.from({ length: 200 }, (_, index) => made({ id: NOW + index * 1e6, cookie: index + 1 }));
	for (let steps = 0; steps < 60; steps++) {
		using file = engine(folder.folder);
		if (steps === 0) file.write(connections);
		/* The file is closed after one step. */
		const more = file.segments.step(file.records.newest);
		expect(file.top(["name"])).toMatchObject([{ count: 200 }]);
		expect(file.top(["name", "unit"], { since: NOW / 1000 + 50_000 })).toMatchObject([{ count: 150 }]);
		if (!more) break;
	}
	using file = engine(folder.folder);
	file.seal();
	expect(file.top(["address"])).toMatchObject([{ count: 200, bytesOut: 20_000 }]);
});

test("two connections of the same microsecond are two rows, however often they are recorded", () => {
	using folder = scratch();
	using file = engine(folder.folder);
	const one = made({ id: NOW, cookie: 1, remote: "192.0.2.1" });
	const other = made({ id: NOW, cookie: 2, remote: "192.0.2.2" });
	for (let time = 0; time < 3; time++) file.write([one, other]);
	other.bytesOut = 9;
	file.write([other]);
	expect(file.query({}).rows.map(({ remote, bytesOut }) => [remote, bytesOut])).toEqual([
		["192.0.2.2", 9],
		["192.0.2.1", 100],
	]);
	const ids = new ConnectionIds();
	const given = Array.from({ length: 6_000 }, (_, index) => ids.next(1_000 + Math.floor(index / 3) / 1_000));
	expect(new Set(given).size).toBe(given.length);
	/* Bursts, slightly out of order, while the clock is set back. */
	const burst = Array.from({ length: 20_000 }, (_, index) => 2_000 + Math.floor(index / 4) / 1_000 - (index % 3) / 500);
	const all = [...burst, ...burst.slice(10_000, 12_000)].map((first) => ids.next(first));
	expect(new Set(all).size).toBe(all.length);
	for (const [index, first] of burst.entries()) expect(all[index]! - first * 1_000, `${index}`).toBeLessThan(20_000);
});

test("a connection that outlives its daemon continues in its row", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	const before = made({ id: NOW, cookie: 77, ended: false, bytesOut: 0, bytesIn: 0 });
	const idle = made({ id: NOW + 1, cookie: 78, ended: false });
	{
		await using history = opened({ file });
		history.record(before);
		history.record(idle);
		await history.flush();
	}
	await using history = opened({ file });
	/* The next daemon sees only the connection's end. */
	const after = made({ id: NOW + 5_000_000, cookie: 77, name: null, process: null, bytesOut: 10, bytesIn: 20 });
	after.deciding = null;
	after.decisions[1] = null;
	history.record(after);
	history.record(after);
	await history.flush();
	const { rows } = await history.query({ sort: "first" });
	expect(rows).toMatchObject([
		{ id: NOW, open: false, end: "local", bytesOut: 10, name: "example.com", rule: "api", process: { comm: "curl" } },
		{ id: NOW + 1, open: false, end: null },
	]);
	expect(rows).toHaveLength(2);
});

test("a limit out of range and a foreign cursor are refused", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "history.db") });
	await expect(history.query({ limit: 0 })).rejects.toThrow(FilterError);
	for (let index = 0; index < 3; index++) history.record(made({ id: NOW + index }));
	await history.flush();
	const { next } = await history.query({ limit: 1 });
	expect((await history.query({ limit: 1, cursor: next ?? "" })).rows).toHaveLength(1);
	await expect(history.query({ cursor: next ?? "", sort: "first" })).rejects.toThrow(HistoryError);
	await expect(history.query({ cursor: "%%%" })).rejects.toThrow(HistoryError);
});

test("records are written in batches, and one record does not wait for others", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	await using history = opened({ file });
	await until("open", () => history.status().state === "writing");
	const timeOf = async (count: number, first: number) => {
		const began = performance.now();
		for (let index = 0; index < count; index++) history.record(made({ id: first + index }));
		await until("written", () => history.status().waiting === 0, 5_000);
		return performance.now() - began;
	};
	const single = await timeOf(1, NOW);
	expect(await timeOf(5_000, NOW + 1e6), "one batch after another").toBeLessThan(10 * single);
	using database = new DatabaseSync(file, { readOnly: true });
	expect(database.prepare("SELECT count(*) AS n FROM connection").get()).toEqual({ n: 5_001 });
});
