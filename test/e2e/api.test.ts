/** The API of a real daemon: queries right after an event, later, and after a restart. */
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Explanation } from "../../src/api/policy-types.ts";
import type { Status } from "../../src/api/status.ts";
import type { HistoryRecord, NameRecord } from "../../src/records/contract.ts";
import { mismatches, type Spec } from "../support/openapi.ts";
import { policy } from "../support/policies.ts";
import { until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { NAMELESS4, WWW4 } from "../support/zones.ts";

const TOKEN = "a-token-of-more-than-sixteen-characters";
const POLICY = policy({
	rules: [
		{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } },
		{ name: "good", to: { domain: "**.good.test", ports: PORTS.tls } },
	],
});

let stage: Stage;
let port: number;
beforeAll(async () => {
	stage = await Stage.make(POLICY, { start: false });
	const tokens = join(stage.world.folder, "tokens");
	writeFileSync(tokens, `${TOKEN}\n`, { mode: 0o600 });
	port = 20_000 + (process.pid % 10_000);
	stage.daemon.flags.push("--listen", `127.0.0.1:${port}`, "--token-file", tokens);
	await stage.daemon.start();
});
afterAll(() => stage?.close());

interface List {
	readonly connections: HistoryRecord[];
	readonly next: string | null;
	readonly source: string;
}
const list = (query: string) => stage.daemon.get<List>(`/v1/connections?${query}`);

test("a query right after an event has it once, and so do queries later and after a restart", async () => {
	await until("history", 5_000, async () => (await list("limit=1")).source === "history" || undefined);
	for (let round = 0; round < 20; round++) {
		const { pid, errno } = await stage.probe(["tcp", NAMELESS4, PORTS.echo]);
		expect(errno).toBe("EACCES");
		const { connections, source } = await list(`process=${pid}`);
		expect([connections.length, source]).toEqual([1, "history"]);
		expect(connections[0]).toMatchObject({ verdict: "deny", remote: NAMELESS4, end: "denied", open: false });
	}
	const all = async () => (await list(`address=${NAMELESS4}&limit=1000`)).connections;
	const first = await all();
	expect(first).toHaveLength(20);
	await sleep(1_500);
	expect(await all()).toEqual(first);
	stage.daemon.stop();
	await stage.daemon.start();
	await until("history", 5_000, async () => (await list("limit=1")).source === "history" || undefined);
	expect(await all()).toEqual(first);
});

test("one record with the steps of its decision, from the DNS query to the ClientHello", async () => {
	expect(await stage.curl("https://www.good.test/")).toMatchObject({ ok: true });
	const [found] = (await list("name=www.good.test&kind=connection")).connections;
	const record = await stage.daemon.get<HistoryRecord & { steps: object[] }>(`/v1/connections/${found?.id}`);
	expect(record).toMatchObject({ name: "www.good.test", nameSource: "sni", verdict: "allow", rule: "good" });
	expect(record.steps).toMatchObject([
		{
			phase: "dns",
			verdict: "allow",
			record: expect.any(Number),
			text: expect.stringContaining("the response had this address"),
		},
		{ phase: "connect", verdict: "allow", rule: "good" },
		{ phase: "tls", verdict: "allow", rule: "good", decides: true, text: "tls: allowed by rule good of group test" },
	]);
	const question = await stage.daemon.get<HistoryRecord>(
		`/v1/connections/${(record.steps[0] as { record: number }).record}`,
	);
	expect(question).toMatchObject({ kind: "dns", name: "www.good.test" });
});

test("a name with its addresses and how long the kernel maps them, its clients and rules", async () => {
	const name = await stage.daemon.get<NameRecord & { rules: object[] }>("/v1/names/www.good.test");
	const held = name.addresses.find(({ address }) => address === WWW4) as { heldUntil?: string } | undefined;
	expect(Date.parse(held?.heldUntil ?? "")).toBeGreaterThan(Date.now());
	expect(name.askedBy[0]).toMatchObject({ process: "curl" });
	expect(name.rules).toEqual([
		{ group: "test", rule: "good", action: "allow", phases: ["dns", "connect", "tls", "http"], also: ["to.ports"] },
	]);
	const top = await stage.daemon.get<{ rows: object[] }>("/v1/top?by=name,verdict&kind=connection&sort=last");
	expect(top.rows[0]).toMatchObject({ key: { name: "www.good.test", verdict: "allow" }, count: 1, denied: 0 });
});

test("explain predicts the decision of the kernel", async () => {
	const explain = async (body: object) => {
		const reply = await stage.daemon.ask("POST", "/v1/policy/explain", JSON.stringify(body), "application/json");
		expect(reply.status, reply.text).toBe(200);
		return JSON.parse(reply.text) as Explanation;
	};
	expect(await explain({ name: "www.good.test", to: { port: PORTS.tls } })).toMatchObject({
		verdict: "allow",
		subject: { address: expect.any(String), learned: expect.arrayContaining(["www.good.test"]) },
		phases: [
			{ phase: "dns", verdict: "allow" },
			{ phase: "connect", rule: "good" },
			{ phase: "tls", rule: "good" },
		],
	});
	const bad = await explain({ name: "www.bad.test", to: { address: "198.19.2.1", port: PORTS.tls } });
	expect(bad).toMatchObject({ verdict: "deny", summary: expect.stringContaining("connect denies") });
	expect(bad.phases[1]?.looks[0]?.rules.map(({ rule, outcome }) => [rule, outcome])).toEqual([
		["five", "no_match"],
		["good", "no_match"],
	]);
	expect(await stage.curl("https://www.bad.test/")).toMatchObject({ ok: false });
	const { id } = await stage.record({ kind: "connection", name: "www.bad.test", verdict: "deny" });
	const record = await stage.daemon.get<{ remedy: object }>(`/v1/connections/${id}`);
	expect(bad.remedy).toEqual(record.remedy);
	expect(bad.remedy?.rule).toContain("domain: www.bad.test");
	const unlearned = await explain({
		name: "never.good.test",
		to: { address: NAMELESS4 },
		assumeLearned: false,
		phases: ["tls"],
	});
	expect(unlearned.phases[0]).toMatchObject({ verdict: "deny", reason: "name_unbound" });
	const wrong = await stage.daemon.ask("POST", "/v1/policy/explain", "{}", "application/json");
	expect(JSON.parse(wrong.text)).toMatchObject({ status: 400, errors: [{ pointer: "/name" }] });
});

test("a check lists every error with its position, and reads no file outside the folder of the policy", async () => {
	const check = async (text: string) => {
		const reply = await stage.daemon.ask("POST", "/v1/policy/check", text);
		expect(reply.status, reply.text).toBe(200);
		return JSON.parse(reply.text) as {
			ok: boolean;
			problems: { line: number; column: number; message: string }[];
			facts: object;
		};
	};
	expect(await check(POLICY)).toMatchObject({ ok: true, problems: [], facts: { rules: 2, mode: "enforce" } });
	const bad = await check("version: 1\nmode: enforc\ngroups:\n  - name: g\n    rulez: []\n");
	expect(bad.problems.map(({ line, column }) => [line, column])).toEqual([
		[2, 7],
		[4, 5],
		[5, 5],
	]);
	const before = (await stage.daemon.get<Status>("/v1/status")).generation;
	const spy = await check("version: 1\nlists: { x: { cidr: { file: /etc/shadow } } }\n");
	expect(JSON.stringify(spy)).not.toContain("root:");
	expect(spy.ok).toBe(false);
	expect((await stage.daemon.get<Status>("/v1/status")).generation).toBe(before);
});

test("a stream delivers events as they occur, and resumes from history after a daemon restart", async () => {
	const first = follow(stage.daemon.socket, {});
	await until(
		"the stream",
		3_000,
		async () => (await stage.daemon.get<Status>("/v1/status")).streams === 1 || undefined,
	);
	const { pid } = await stage.probe(["tcp", NAMELESS4, PORTS.echo]);
	const event = await until("the event", 3_000, () => first.events.find(({ data }) => data.process?.pid === pid));
	first.close();
	stage.daemon.stop();
	await stage.daemon.start();
	await until("history", 5_000, async () => (await list("limit=1")).source === "history" || undefined);
	const other = await stage.probe(["tcp", NAMELESS4, PORTS.echo]);
	const second = follow(stage.daemon.socket, { "last-event-id": event.id });
	await until("what came meanwhile", 5_000, () => second.events.find(({ data }) => data.process?.pid === other.pid));
	expect(second.events.every(({ event: type }) => type === "connection")).toBe(true);
	second.close();
});

test("on loopback, reading is open and writing needs a token", async () => {
	const url = `http://127.0.0.1:${port}`;
	expect((await fetch(`${url}/v1/status`)).status).toBe(200);
	const put = (headers: Record<string, string>) =>
		fetch(`${url}/v1/policy`, {
			method: "PUT",
			body: POLICY,
			headers: { "content-type": "application/yaml", ...headers },
		});
	expect((await put({})).status).toBe(401);
	expect((await put({ authorization: "Bearer nonsense-nonsense-nonsense" })).status).toBe(401);
	expect((await put({ authorization: `Bearer ${TOKEN}` })).status).toBe(200);
});

test("status has versions and history", async () => {
	expect(await stage.daemon.get<Status>("/v1/status")).toMatchObject({
		adopted: true,
		versions: { node: process.versions.node, libbpf: expect.any(String), sqlite: expect.any(String) },
		history: { state: "writing", failure: null, dropped: 0 },
	});
	expect(await stage.daemon.get("/readyz")).toEqual({
		ready: true,
		checks: { policy: "ok", attachment: "ok", socket: "ok", history: "ok" },
	});
});

test("the responses of a real daemon match its document", async () => {
	const spec = await stage.daemon.get<Spec>("/openapi.json");
	const [last] = (await list("kind=connection&limit=1")).connections;
	for (const [route, path] of [
		["GET /", "/"],
		["GET /v1/status", "/v1/status"],
		["GET /v1/connections", "/v1/connections"],
		["GET /v1/connections/{id}", `/v1/connections/${last?.id}`],
		["GET /v1/top", "/v1/top?by=name,unit"],
		["GET /v1/names", "/v1/names"],
		["GET /v1/names/{name}", "/v1/names/www.good.test"],
		["GET /v1/policy", "/v1/policy"],
	] as const) {
		expect(mismatches(spec, route, "200", await stage.daemon.get(path)), route).toEqual([]);
	}
	for (const [method, path, body, response] of [
		["POST", "/v1/policy/explain", '{"name":"www.good.test","request":{}}', "200"],
		["POST", "/v1/policy/explain", "{}", "default"],
		["POST", "/v1/policy/check", POLICY, "200"],
		["POST", "/v1/policy/check", "version: 2", "200"],
		["PUT", "/v1/policy", "version: 2", "422"],
		["PUT", "/v1/policy", POLICY, "200"],
	] as const) {
		const type = body.startsWith("{") ? "application/json" : "application/yaml";
		const { text } = await stage.daemon.ask(method, path, body, type);
		expect(mismatches(spec, `${method} ${path}`, response, JSON.parse(text)), `${method} ${path}: ${text}`).toEqual([]);
	}
	const wrong = await stage.daemon.ask("POST", "/v1/status", "", "application/json");
	expect(JSON.parse(wrong.text)).toMatchObject({ status: 405, detail: expect.stringContaining("GET, HEAD, OPTIONS") });
});

test("the example of the document's explain request works on any host", async () => {
	const spec = await stage.daemon.get<Spec>("/openapi.json");
	const [example] = spec.components.schemas["ExplainRequest"]?.examples ?? [];
	const reply = await stage.daemon.ask("POST", "/v1/policy/explain", JSON.stringify(example), "application/json");
	expect([reply.status, JSON.parse(reply.text)]).toMatchObject([200, { subject: { uid: 0, name: "api.example.com" } }]);
});

interface StreamEvent {
	readonly id: string;
	readonly event: string;
	readonly data: { readonly process?: { readonly pid: number } };
}

function follow(socketPath: string, headers: Record<string, string>): { events: StreamEvent[]; close(): void } {
	const events: StreamEvent[] = [];
	let rest = "";
	const asked = request({ socketPath, path: "/v1/stream?kind=connection", headers, agent: false }, (response) => {
		response.on("error", () => {});
		response.setEncoding("utf8").on("data", (text: string) => {
			const blocks = (rest + text).split("\n\n");
			rest = blocks.pop() ?? "";
			for (const block of blocks) {
				const [, id = "", event = "", data = ""] = /^(?:id: (.*)\n)?event: (.*)\ndata: (.*)$/.exec(block) ?? [];
				if (event !== "") events.push({ id, event, data: JSON.parse(data) });
			}
		});
	});
	asked.on("error", () => {}).end();
	return { events, close: () => asked.destroy() };
}
