import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newSharing } from "../../../src/api/sharing.ts";
import { LIMITS } from "../../../src/base/config.ts";
import { until } from "../../support/run.ts";
import { fill, openApi, openSocket } from "../support/api.ts";
import { connect, question } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let folder: string;
let harness: TableHarness;
let services: FakeServices;
let app: FastifyInstance;
let readers: Reader[];
/** Of the clients that connect. */
let uid: number;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	readers = [];
	harness = new TableHarness({ live: 50_000, finished: 50_000 });
	services = new FakeServices(harness, 1_000);
	fill(harness);
	harness.table.watch({ opened: (each) => services.feed.push(each, each.first), denied() {}, ended() {} });
	uid = 1_000;
	app = await openApi(services, { sharing: newSharing(() => uid) });
	await openSocket(app, join(folder, "api.sock"), null);
});
afterEach(async () => {
	for (const reader of readers) reader.close();
	await app.close();
	rmSync(folder, { recursive: true, force: true });
});

interface ServerEvent {
	readonly id: string | undefined;
	readonly event: string;
	readonly data: { readonly id: number; readonly name: string | null; readonly count: number | null };
}

class Reader {
	readonly events: ServerEvent[] = [];
	response: IncomingMessage | null = null;
	ended = false;
	#text = "";

	/** What is no event yet. */
	get text(): string {
		return this.#text;
	}

	take(text: string): void {
		this.#text += text;
		const blocks = this.#text.split("\n\n");
		this.#text = blocks.pop() ?? "";
		for (const block of blocks) {
			const fields = new Map(
				block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]),
			);
			const event = fields.get("event");
			if (event !== undefined)
				this.events.push({ id: fields.get("id"), event, data: JSON.parse(fields.get("data") ?? "") });
		}
	}

	ids(): number[] {
		return this.events.filter(({ event }) => event === "connection").map(({ data }) => data.id);
	}

	close(): void {
		this.response?.destroy();
	}
}

async function follow(query = "", headers: Record<string, string> = {}): Promise<Reader> {
	const reader = new Reader();
	readers.push(reader);
	const path = `/v1/stream${query}`;
	const asked = request({ socketPath: join(folder, "api.sock"), path, headers, agent: false }, (response) => {
		reader.response = response;
		response.setEncoding("utf8").on("data", (text: string) => reader.take(text));
		response.on("close", () => {
			reader.ended = true;
		});
		response.on("error", () => {});
	});
	asked.on("error", () => {}).end();
	await until("a stream", 2_000, () => reader.response !== null || reader.ended || undefined);
	return reader;
}

let cookie = 1_000n;
function happen(count: number, name?: string): void {
	const records = Array.from({ length: count }, () => {
		cookie++;
		const time = 10e9 + Number(cookie);
		return name === undefined ? connect({ cookie, time }) : question(name, 1, { cookie, time });
	});
	harness.feed(...records);
}

test("a reader gets the complete record of every matching event when it occurs", async () => {
	const all = await follow();
	const some = await follow("?kind=dns&name=**.example.org");
	const several = await follow("?name=*example*&name=other.test&not-name=*.test");
	happen(2);
	happen(1, "www.example.org");
	happen(1, "other.test");
	await until(
		"events",
		2_000,
		() => (all.events.length === 4 && some.events.length > 0 && several.events.length > 0) || undefined,
	);
	expect(all.response?.headers["content-type"]).toContain("text/event-stream");
	expect(some.events.map(({ data }) => data.name)).toEqual(["www.example.org"]);
	expect(several.events.map(({ data }) => data.name)).toEqual(some.events.map(({ data }) => data.name));
	expect(all.events[2]?.data).toEqual(some.events[0]?.data);
	expect((await app.inject("/v1/stream?until=5")).statusCode).toBe(400);
	expect((await app.inject("/v1/stream?address=x")).statusCode).toBe(400);
});

test("Last-Event-ID resumes after that event, without a gap or a duplicate", async () => {
	const first = await follow();
	happen(5);
	await until("events", 2_000, () => first.events.length === 5 || undefined);
	first.close();
	await until("the end of the stream", 2_000, () => services.feed.readers === 0 || undefined);
	happen(3);
	const second = await follow("", { "last-event-id": first.events[2]?.id ?? "" });
	await until("the rest", 2_000, () => second.events.length === 5 || undefined);
	expect(second.events.map(({ id }) => Number(id?.split("-")[1]))).toEqual([4, 5, 6, 7, 8]);
	expect(services.feed.next - 1).toBe(8);
});

test("events that are no longer in memory come from history, or are reported as missed", async () => {
	const first = await follow();
	happen(1);
	await until("an event", 2_000, () => first.events.length === 1 || undefined);
	const id = first.events[0]?.id ?? "";
	first.close();
	await until("the end of the stream", 2_000, () => services.feed.readers === 0 || undefined);
	happen(1_200);
	const second = await follow("", { "last-event-id": id });
	await until("the rest", 5_000, () => second.events.length === 1_001 || undefined);
	expect(second.events[0]).toMatchObject({ event: "missed", data: { count: 200 } });

	services.source = "history";
	const third = await follow("", { "last-event-id": id });
	/* The open connection is active as well. */
	await until("all of it", 5_000, () => new Set(third.ids()).size === 1_202 || undefined);
	expect(third.events.every(({ event }) => event === "connection")).toBe(true);

	services.source = "memory";
	const stranger = await follow("", { "last-event-id": "00000000-17-10000" });
	await until("the missed event", 2_000, () => stranger.events.length === 1 || undefined);
	expect(stranger.events[0]).toMatchObject({ event: "missed", data: { count: null } });
});

test("?since begins with history", async () => {
	services.source = "history";
	const reader = await follow("?since=3&kind=connection");
	await until("history", 2_000, () => reader.ids().length === 2 || undefined);
	happen(1);
	await until("what follows", 2_000, () => reader.ids().length === 3 || undefined);
	expect(reader.ids().slice(0, 2)).toEqual([1, 3]);
});

test("a stalled reader uses bounded memory and gets the number of missed events; the other misses none", async () => {
	const stalled = await follow();
	stalled.response?.pause();
	const well = await follow();
	const before = process.memoryUsage();
	const COUNT = 20_000;
	for (let sent = 0; sent < COUNT; sent += 500) {
		happen(500);
		await until("the other reads along", 5_000, () => well.ids().length === sent + 500 || undefined);
	}
	const grown = process.memoryUsage().heapUsed - before.heapUsed;
	expect(well.events.every(({ event }) => event === "connection")).toBe(true);
	stalled.response?.resume();
	happen(1);
	await until("it catches up", 5_000, () => stalled.ids().at(-1) === well.ids().at(-1) || undefined);
	const missed = stalled.events.filter(({ event }) => event === "missed");
	const count = missed.reduce((sum, { data }) => sum + (data.count ?? 0), 0);
	expect(count).toBeGreaterThan(COUNT - 2_000);
	expect(stalled.ids().length + count).toBe(COUNT + 1);
	/* This test's tables also keep every record. */
	expect(grown).toBeLessThan(150 * 1024 * 1024);
}, 60_000);

test("one caller has its share of the streams, others still get theirs, and root always one", async () => {
	uid = 65_534;
	for (let index = 0; index < LIMITS.streamsEach; index++) expect((await follow()).ended).toBe(false);
	const beyond = await follow();
	expect(beyond.response?.statusCode).toBe(503);
	await until("the problem", 2_000, () => beyond.ended || undefined);
	expect(JSON.parse(beyond.text)).toMatchObject({
		type: "urn:sallyport:problem:too-many-streams",
		limit: LIMITS.streamsEach,
		detail: expect.stringContaining(`${LIMITS.streamsEach} streams`),
	});
	for (uid = 1_000; uid < 1_003; uid++) {
		const others = [await follow(), await follow(), await follow(), await follow(), await follow()];
		expect(others.map(({ response }) => response?.statusCode)).toEqual([200, 200, 200, 200, 200]);
	}
	expect(services.feed.readers).toBeLessThanOrEqual(LIMITS.streams - LIMITS.streamsKept);
	uid = 0;
	for (let index = 0; index < LIMITS.streams; index++) expect((await follow()).response?.statusCode).toBe(200);
	expect((await follow()).response?.statusCode).toBe(503);
}, 60_000);

test("HEAD has the headers of the stream and opens none", async () => {
	const response = await app.inject({ method: "HEAD", url: "/v1/stream" });
	expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
	expect(response.headers["content-length"]).toBeUndefined();
	expect(services.feed.readers).toBe(0);
	expect((await app.inject({ method: "HEAD", url: "/v1/stream?address=x" })).statusCode).toBe(400);
});
