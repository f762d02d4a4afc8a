import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HistoryRecord } from "../../../src/records/contract.ts";
import { HistoryError } from "../../../src/records/query-errors.ts";
import { fill, openApi } from "../support/api.ts";
import { connect, hello, question } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let harness: TableHarness;
let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
	app = await openApi(services);
});
afterEach(() => app.close());

interface Answer {
	readonly connections: HistoryRecord[];
	readonly next: string | null;
	readonly more: boolean;
	readonly source: string;
}

async function ask(query: string): Promise<Answer> {
	const response = await app.inject(`/v1/connections${query}`);
	expect(response.statusCode, response.body).toBe(200);
	return response.json<Answer>();
}

const ids = async (query: string) => (await ask(query)).connections.map(({ id }) => id);

test.each<[string, number[]]>([
	["", [4, 3, 2, 1]],
	["?verdict=deny", [2]],
	["?verdict=would_deny", [3]],
	["?phase=tls", [1]],
	["?phase=dns", [4]],
	["?name=api.example.com", [1]],
	["?name=API.Example.com.", [1]],
	["?name=*.example.*", [4, 1]],
	["?name=**.com", [1]],
	["?name=**", [4, 1]],
	["?name=*", [4, 1]],
	["?name=*example.c*", [1]],
	["?name=api.example.com&name=www.example.org", [4, 1]],
	["?not-name=api.example.com", [4, 3, 2]],
	["?not-name=*example*", [3, 2]],
	["?name=**&not-name=www*", [1]],
	["?verdict=deny&verdict=would_deny", [3, 2]],
	["?not-verdict=allow&not-port=25", [3]],
	["?port=25&port=5000-6000", [3, 2]],
	["?not-process=mail&not-exe=curl", []],
	["?not-address=192.0.2.0/24&not-address=2001:db8::/32", [4, 3]],
	["?not-unit=agent.service", [2]],
	["?not-user=1000&kind=connection&not-group=base", [3, 1]],
	["?name=*.com", []],
	["?name=a*.example.com", [1]],
	["?name=example.com", []],
	["?address=192.0.2.0/24", [1]],
	["?address=2001:db8::/32", [2]],
	["?port=5000", [3]],
	["?port=25-443", [4, 2, 1]],
	["?protocol=udp", [4, 3]],
	["?protocol=17&kind=connection", [3]],
	["?process=42&verdict=allow", [4, 1]],
	["?process=mail", [2]],
	["?process=/usr/bin/curl", [4, 3, 1]],
	["?process=cur*", [4, 3, 1]],
	["?exe=curl", [4, 3, 1]],
	["?exe=mail", []],
	["?unit=agent.service", [4, 3, 1]],
	["?user=root&kind=dns", [4]],
	["?user=1000", [2]],
	["?rule=api", [1]],
	["?group=base", [2]],
	["?open=true", [3]],
	["?open=false", [4, 2, 1]],
	["?since=4", [4, 3, 1]],
	["?since=1970-01-01T00:00:04Z&open=false", [4, 1]],
	["?since=1970-01-01T00:00:04&open=false", [4, 1]],
	["?since=1970-01-01T05:00:04%2B05:00&open=false", [4, 1]],
	["?until=1970-01-01", []],
	["?until=1970-01-02", [4, 3, 2, 1]],
	["?until=3", [2, 1]],
	["?since=2&until=4", [3, 2, 1]],
	["?sort=first", [1, 2, 3, 4]],
	["?sort=-last", [1, 4, 3, 2]],
	["?sort=-bytesOut&limit=1", [1]],
	["?limit=1", [4]],
	["?unit=agent.service&limit=2", [4, 3]],
	["?limit=100000", [4, 3, 2, 1]],
])("/v1/connections%s", async (query, expected) => {
	expect(await ids(query)).toEqual(expected);
});

test("pages have every row once while rows arrive", async () => {
	const seen: number[] = [];
	let cursor = "";
	for (let page = 0; page < 10; page++) {
		const answer = await ask(`?limit=1${cursor}`);
		seen.push(...answer.connections.map(({ id }) => id));
		if (answer.next === null) break;
		expect(answer.more).toBe(true);
		cursor = `&cursor=${encodeURIComponent(answer.next)}`;
		harness.feed(connect({ cookie: BigInt(100 + page), time: 9e9 + page }));
	}
	expect(seen).toEqual([4, 3, 2, 1]);
});

test("Link leads through all pages", async () => {
	for (let index = 0; index < 20; index++) {
		harness.feed(
			...Array.from({ length: 60 }, (_, each) => question(`n${each}.test`, 1, { time: 6e9 + index * 1e6 + each })),
		);
	}
	const wide = new Set<number>();
	let url: string | null = "/v1/connections?limit=1000000&kind=dns&sort=first";
	let pages = 0;
	while (url !== null) {
		const response: { body: string; headers: object } = await app.inject({
			url,
			headers: { accept: "application/x-ndjson" },
		});
		for (const line of response.body.trimEnd().split("\n")) wide.add((JSON.parse(line) as HistoryRecord).id);
		url = /^<([^>]+)>; rel="next"$/.exec(String((response.headers as { link?: string }).link ?? ""))?.[1] ?? null;
		pages++;
	}
	expect([wide.size, pages]).toEqual([harness.views().filter(({ kind }) => kind === "dns").length, 1]);
});

test("Accept selects JSON, a record per line, or CSV", async () => {
	const get = (accept: string) => app.inject({ url: "/v1/connections", headers: { accept } });
	const rows = (await ask("")).connections;
	expect(rows.map(({ id }) => id)).toEqual([4, 3, 2, 1]);
	const lines = await get("application/x-ndjson");
	expect(lines.headers["content-type"]).toContain("application/x-ndjson");
	expect(
		lines.body
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line) as unknown),
	).toEqual(rows);
	const csv = await get("text/html;q=0.9, text/csv;q=0.8, */*;q=0.1");
	expect(csv.headers["content-type"]).toContain("text/csv");
	const [head, first] = csv.body.split("\r\n");
	expect(head).toMatch(/^id,kind,first,last,durationMs,process,pid,exe,/);
	expect(first).toMatch(/^4,dns,1970-01-01T00:00:04\.000Z,.*,www\.example\.org,dns,[^,]*,allow,dns,/);
	expect((await get("text/html, */*;q=0.1")).headers["content-type"]).toContain("application/json");
	expect((await get("image/png")).statusCode).toBe(406);
	for (const inherited of ["__proto__", "constructor", "toString"])
		expect((await get(inherited)).statusCode, inherited).toBe(406);
});

test("one record with the steps of its decision", async () => {
	harness.feed(
		question("db.example.net", 1, { cookie: 8n, time: 6e9, nameHash: 7n }),
		connect({ cookie: 9n, time: 6.1e9, remote: "203.0.113.9" }),
		hello("db.example.net", { cookie: 9n, time: 6.2e9, remote: "203.0.113.9", verdict: VERDICT_DENY, reason: 6 }),
	);
	const id = (await ids("?name=db.example.net&kind=connection"))[0];
	const record = (await app.inject(`/v1/connections/${id}`)).json<HistoryRecord & { steps: { text: string }[] }>();
	expect(record).toMatchObject({ id, name: "db.example.net", verdict: "deny", retransmits: 0, encryptedHello: false });
	expect(record.steps).toMatchObject([
		{
			phase: "dns",
			decides: false,
			record: id! - 1,
			text: expect.stringContaining("dns query for db.example.net: allowed"),
		},
		{ phase: "connect", decides: false, verdict: "allow" },
		{
			phase: "tls",
			decides: true,
			verdict: "deny",
			reason: "name_unbound",
			text: expect.stringContaining("DNS did not"),
		},
	]);
	expect(record).toMatchObject({
		remedy: {
			text: expect.stringContaining("no trusted resolver returned 203.0.113.9"),
			rule: expect.stringContaining("to: { cidr: 203.0.113.9, ports: "),
		},
	});
	expect((await app.inject("/v1/connections/999")).json()).toMatchObject({ status: 404 });
	expect((await app.inject("/v1/connections/abc")).statusCode).toBe(400);
});
const VERDICT_DENY = 2;

test("top groups by one or two fields", async () => {
	const top = async (query: string) => (await app.inject(`/v1/top${query}`)).json<{ rows: { key: object }[] }>();
	expect(await top("?by=verdict&sort=bytesOut&limit=1")).toMatchObject({
		by: ["verdict"],
		rows: [{ key: { verdict: "allow" }, count: 2, denied: 0, bytesOut: 10, first: "1970-01-01T00:00:01.000Z" }],
	});
	expect((await top("?by=process,port&kind=connection")).rows.map(({ key }) => key)).toEqual([
		{ process: "curl", port: 443 },
		{ process: "curl", port: 5000 },
		{ process: "mail", port: 25 },
	]);
	for (const by of ["", "pid", "name,name", "name,unit,user"]) {
		expect((await app.inject(`/v1/top?by=${by}`)).statusCode, by).toBe(400);
	}
});

test("the list of names, and one name with its addresses, clients and rules", async () => {
	services.held = [{ name: "www.example.org", until: 60_000 }];
	services.rules = [{ group: "web", rule: "org", action: "allow", phases: ["tls"], also: ["to.ports"] }];
	const all = (await app.inject("/v1/names")).json<{ names: { name: string; questions: number }[] }>();
	expect(all.names.map(({ name, questions }) => [name, questions])).toEqual([
		["api.example.com", 0],
		["www.example.org", 1],
	]);
	const first = (await app.inject("/v1/names?limit=1")).json<{ more: boolean; next: string }>();
	expect(first).toMatchObject({ names: [{ name: "api.example.com" }], more: true, unwritten: null });
	const listed = async (query: string) =>
		(await app.inject(`/v1/names?${query}`)).json<{ names: { name: string }[] }>().names.map(({ name }) => name);
	expect(await listed("name=*api*&name=**.org")).toEqual(["api.example.com", "www.example.org"]);
	expect(await listed("name=*example*&not-name=www*")).toEqual(["api.example.com"]);
	expect(await listed("not-name=*")).toEqual([]);
	expect((await app.inject(`/v1/names?limit=1&cursor=${first.next}`)).json()).toMatchObject({
		names: [{ name: "www.example.org" }],
		more: false,
	});
	expect((await app.inject("/v1/names/WWW.example.org.")).json()).toMatchObject({
		name: "www.example.org",
		addresses: [{ address: "2001:db8::9", ttl: 300, trusted: true, heldUntil: "1970-01-01T00:01:00.000Z" }],
		askedBy: [{ process: "curl", exe: "/usr/bin/curl", unit: "agent.service", questions: 1, connections: 0 }],
		rules: services.rules,
	});
	expect((await app.inject("/v1/names/never.test")).statusCode).toBe(404);
});

test("while history cannot be read, memory answers, unless the request names history", async () => {
	const dead = new HistoryError("unreadable", "the thread died");
	const broken = new Proxy(services.recent, {
		get: () => () => Promise.reject(dead),
	});
	const unwritten = { since: "2026-01-02T03:04:05.000Z", why: "the disk is full" };
	const other = await openApi(
		Object.assign(services, {
			records: async (_asker: object, source?: "history" | "memory") =>
				source === "memory"
					? { source: "memory" as const, reader: services.recent, unwritten }
					: { source: "history" as const, reader: broken, unwritten },
		}),
	);
	for (const url of ["/v1/connections", "/v1/connections/1", "/v1/top", "/v1/names", "/v1/names/api.example.com"]) {
		expect((await other.inject(url)).json(), url).toMatchObject({ source: "memory", unwritten });
	}
	expect((await other.inject("/v1/connections?from=history")).json()).toMatchObject({
		type: "urn:sallyport:problem:history-unavailable",
		status: 503,
	});
	const list = await other.inject({ url: "/v1/connections", headers: { accept: "text/csv" } });
	expect(list.headers["sallyport-unwritten-since"]).toBe(unwritten.since);
	await other.close();
});
