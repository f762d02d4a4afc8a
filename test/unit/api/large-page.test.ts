/** The largest possible answer blocks the event loop only for a few milliseconds at a time. */
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RecentRecords } from "../../../src/answers/recent.ts";
import type { HistoryRecord } from "../../../src/records/contract.ts";
import { viewer } from "../../../src/records/view.ts";
import { longestStall } from "../../support/loop.ts";
import { describeProcess, made, type Opened, opened, scratch, someProcess } from "../store/fixture.ts";
import { openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

const ROWS = 12_000;
/** Time for which a response may occupy the event loop without a break [ms]. */
const SLICE = 4;
/** Measured rounds; the smallest counts. */
const ROUNDS = 16;
/** Rounds in which code is compiled. */
const WARM_UP = 12;
const START = Date.now() * 1000 - 3_600_000_000;

let folder: ReturnType<typeof scratch>;
let history: Opened;
let services: FakeServices;

const connections = Array.from({ length: ROWS }, (_, index) => {
	const process = { ...someProcess(100 + (index % 50)), args: `curl\0${"https://example.com/x".repeat(8)}\0` };
	return made({ id: START + index * 1_000, cookie: index + 1, name: `host${index}.service.example.com`, process });
});

beforeEach(async () => {
	folder = scratch();
	history = opened({ file: join(folder.folder, "history.db") });
	for (const each of connections) history.record(each);
	await history.flush();
	services = new FakeServices(new TableHarness());
});
afterEach(async () => {
	await history.close();
	folder[Symbol.dispose]();
});

async function open(source: "history" | "memory"): Promise<FastifyInstance & AsyncDisposable> {
	const { names } = services;
	const view = viewer(describeProcess);
	const recent = new RecentRecords({ connections: () => connections, names, describe: describeProcess, view });
	const reader = source === "history" ? history : recent;
	return openApi(Object.assign(services, { records: async () => ({ source, reader, unwritten: null }) }));
}

const ANSWERS = [
	["/v1/connections?limit=1000", "application/json"],
	["/v1/connections?limit=1000", "application/x-ndjson"],
	["/v1/connections?limit=1000", "text/csv"],
	["/v1/connections?limit=1000&sort=-bytesOut", "application/json"],
	["/v1/names?limit=1000", "application/json"],
	["/v1/top?by=name,process&limit=1000", "application/json"],
] as const;

test.each(["history", "memory"] as const)("from %s", { timeout: 60_000 }, async (source) => {
	await using app = await open(source);
	const { body } = await app.inject("/v1/connections?limit=1000");
	const atOneGo: number[] = [];
	while (atOneGo.length < ROUNDS)
		atOneGo.push((await longestStall(async () => JSON.stringify(JSON.parse(body)).length)).wall);
	/* A slice, and one step as long as a page of 1 MB that is read and serialised at once: the last step of the response, and inject(),
	   which puts its parts together in the same turn. All rows at once take three to six such steps. */
	const most = SLICE + Math.min(...atOneGo);
	for (const [url, accept] of ANSWERS) {
		const stalls: number[] = [];
		for (let round = -WARM_UP; round < ROUNDS; round++) {
			const { result, wall } = await longestStall(() => app.inject({ url, headers: { accept } }));
			expect(result.statusCode).toBe(200);
			expect(result.body.length).toBeGreaterThan(100_000);
			if (round >= 0) stalls.push(wall);
		}
		expect(Math.min(...stalls), `${url} as ${accept}: ${stalls}`).toBeLessThan(most);
	}
});

test("a page written in the reader's thread equals one written here", async () => {
	const { rows } = await history.query({ limit: 1_000 });
	for (const source of ["history", "memory"] as const) {
		await using app = await open(source);
		const page = await app.inject("/v1/connections?limit=1000");
		expect(page.json<{ connections: HistoryRecord[] }>().connections).toEqual(rows);
		const lines = await app.inject({ url: "/v1/connections?limit=250", headers: { accept: "application/x-ndjson" } });
		const records = lines.body
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as object);
		expect(records).toEqual(rows.slice(0, 250));
	}
});
