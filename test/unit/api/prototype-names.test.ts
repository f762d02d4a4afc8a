/** Names of Object.prototype wherever a stranger chooses a text: none may reach a table's prototype. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { ROOT } from "../../support/paths.ts";
import { environment } from "../policy/parsing.ts";
import { fill, openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

const WORDS = Object.getOwnPropertyNames(Object.prototype);

let app: FastifyInstance;
let operations: readonly Operation[];

interface Operation {
	readonly method: "GET" | "PUT" | "POST" | "DELETE";
	readonly path: string;
	readonly parameters: readonly { readonly name: string; readonly in: "query" | "path" | "header" }[];
}

beforeAll(async () => {
	const harness = new TableHarness();
	fill(harness);
	const services = new FakeServices(harness);
	await services.stage.begin();
	app = await openApi(services, { requests: 1_000_000 });
	const { paths } = (await app.inject("/openapi.json")).json<{ paths: Record<string, Record<string, object>> }>();
	operations = Object.entries(paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({
			method: method.toUpperCase() as Operation["method"],
			path,
			parameters: (operation as Partial<Operation>).parameters ?? [],
		})),
	);
});
afterAll(() => app.close());

let clients = 0;

/** Each request is of another client, because expensive routes have a limit for each. A stream is left at its head. */
async function statusOf(request: InjectOptions): Promise<number> {
	const stop = new AbortController();
	const remoteAddress = `2001:db8::${(++clients).toString(16)}`;
	const { statusCode } = await app.inject({ ...request, remoteAddress, signal: stop.signal, payloadAsStream: true });
	stop.abort();
	return statusCode;
}

const HEADERS = [
	...["accept", "accept-encoding", "accept-language", "authorization", "cookie", "content-encoding", "content-type"],
	...["expect", "host", "if-match", "if-none-match", "last-event-id", "origin", "sec-fetch-site", "transfer-encoding"],
	...["upgrade", "x-forwarded-for", "x-http-method-override"],
];

test.each(WORDS)("%s in any part of a request is no error of the daemon", { timeout: 120_000 }, async (word) => {
	expect(operations.length).toBeGreaterThan(10);
	for (const { method, path, parameters } of operations) {
		const url = path.replaceAll(/\{\w+\}/g, "1");
		const requests: InjectOptions[] = [
			{ url: path.replaceAll(/\{\w+\}/g, word) },
			{ url: `${url}?${word}=1` },
			{ url: `${url}?${word}[${word}]=1` },
			...parameters.filter((each) => each.in === "query").map(({ name }) => ({ url: `${url}?${name}=${word}` })),
			...HEADERS.map((name) => ({ url, headers: { [name]: word } })),
			...HEADERS.map((name) => ({ url, headers: { [name]: `${word}, text/${word};q=${word}, ${word}/*` } })),
		];
		for (const request of requests) {
			const status = await statusOf({ method, ...request });
			expect(status, `${method} ${JSON.stringify(request)}`).toBeLessThan(500);
		}
	}
	expect(await statusOf({ url: `/${word}` })).toBe(404);
	expect(await statusOf({ url: `/v1/${word}` })).toBe(404);
	expect(await statusOf({ url: `/v1/connections?protocol=${word}` })).toBe(400);
	expect(await statusOf({ url: `/v1/connections?cursor=${word}` })).toBe(400);
	expect(await statusOf({ url: `/v1/top?by=${word}` })).toBe(400);
	expect(await statusOf({ url: "/v1/connections", headers: { accept: word } })).toBe(406);
});

test.each(WORDS)("%s in a body of /v1/policy/explain is no error of the daemon", { timeout: 30_000 }, async (word) => {
	for (const body of [
		`{"${word}":1}`,
		`{"who":{"${word}":1}}`,
		`{"to":{"protocol":"${word}"}}`,
		`{"who":{"user":"${word}","exe":"${word}","unit":"${word}"},"name":"${word}","phases":["${word}"]}`,
		`{"name":"${word}","request":{"method":"${word}","path":"${word}"}}`,
	]) {
		const headers = { "content-type": "application/json" };
		expect(await statusOf({ method: "POST", url: "/v1/policy/explain", headers, payload: body }), body).toBeLessThan(
			500,
		);
	}
});

test.each(WORDS)("%s in an overlay is no error of the daemon, and as its name a name like any other", async (word) => {
	const rules = (rule: string) => `"rules":[{"name":"r","action":"deny",${rule}}]`;
	const ok = rules('"to":{"ports":25}');
	const headers = { "content-type": "application/json" };
	for (const body of [
		`{"${word}":1}`,
		`{${ok},"${word}":1}`,
		`{${ok},"until":"${word}"}`,
		`{${ok},"for":"${word}"}`,
		`{${ok},"scope":"${word}"}`,
		`{${rules(`"${word}":1`)}}`,
		`{${rules(`"to":{"${word}":1}`)}}`,
		`{${rules(`"to":{"protocol":"${word}"}`)}}`,
		`{${rules(`"to":{"preset":"${word}"}`)}}`,
		`{${rules(`"to":{"cidr":"@${word}"}`)}}`,
		`{${rules(`"from":{"${word}":1}`)}}`,
	]) {
		const status = await statusOf({ method: "POST", url: "/v1/overlays", headers, payload: body });
		expect(status, body).toBeGreaterThanOrEqual(400);
		expect(status, body).toBeLessThan(500);
	}
	const url = `/v1/overlays/${word}`;
	expect(await statusOf({ url })).toBe(404);
	const isName = /^[a-z]/i.test(word);
	const payload = `{"name":"${word}","owner":"${word}","reason":"${word}",${ok}}`;
	expect(await statusOf({ method: "POST", url: "/v1/overlays", headers, payload })).toBe(isName ? 201 : 422);
	expect(await statusOf({ url })).toBe(isName ? 200 : 404);
	expect(await statusOf({ method: "DELETE", url })).toBe(isName ? 204 : 404);
	expect(await statusOf({ url })).toBe(404);
});

test.each(WORDS)("%s in a policy is an error of the policy", (word) => {
	const rule = (text: string) => `version: 1\ngroups: [{ name: a, rules: [{ name: r, action: deny, ${text} }] }]\n`;
	for (const text of [
		`version: 1\n${word}: 1\n`,
		`version: 1\nmode: ${word}\n`,
		`version: 1\ndeny_errno: ${word}\n`,
		`version: 1\ndefaults: { ${word}: deny }\n`,
		`version: 1\ndefaults: { dns: ${word} }\n`,
		rule(`${word}: 1`),
		rule(`to: { ${word}: 1 }`),
		rule(`to: { protocol: ${word} }`),
		rule(`to: { preset: ${word} }`),
		rule(`to: { cidr: "@${word}" }`),
		rule(`to: { domain: "@${word}" }`),
		rule(`from: { ${word}: 1 }`),
	]) {
		const parsed = parsePolicy(text, "p.yaml", environment);
		expect(parsed.ok, text).toBe(false);
	}
});

test("a table of src that is looked up by a text is a Map", () => {
	const wrong: string[] = [];
	for (const entry of readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })) {
		if (!entry.name.endsWith(".ts")) continue;
		const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
		for (const [, name] of text.matchAll(/^(?:export )?const (\w+): Readonly<Record<string, .*= \{/gm)) {
			if (new RegExp(String.raw`\b${name}\[(?!["\d])`).test(text)) wrong.push(`${entry.name}: ${name}`);
		}
	}
	expect(wrong).toEqual([]);
});
