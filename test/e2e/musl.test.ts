/** A program with musl's resolver, as on Alpine: it asks all name servers at once, and takes the first answer. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DNS4, DNS6, ROGUE4 } from "../support/addresses.ts";
import { policy } from "../support/policies.ts";
import { must, type Outcome, run } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { address4 } from "../support/zone.ts";
import { BAD4, WWW4 } from "../support/zones.ts";

const POLICY = (dns: "allow" | "deny") =>
	policy({
		defaults: { dns, http: "deny" },
		rules: [
			{ name: "good", to: { domain: "**.good.test", ports: PORTS.http } },
			{ name: "generated", to: { domain: "*.gen.test", ports: PORTS.http } },
		],
		more: { resolvers: [DNS4, DNS6, ROGUE4] },
	});
const LOOKUPS = 10;

let stage: Stage;
let resolvConf: string;
let beginning: string;
let fetch: string;
beforeAll(async () => {
	stage = await Stage.make(POLICY("deny"), { start: false });
	const { folder } = stage.world;
	fetch = join(folder, "fetch");
	must("musl-gcc", "-static", "-Wall", "-Werror", "-o", fetch, join(import.meta.dirname, "../support/musl/fetch.c"));
	resolvConf = join(folder, "resolv.conf");
	appendFileSync(resolvConf, "search corp.test\n");
	beginning = readFileSync(resolvConf, "utf8");
	/* It reads the search list of the client's resolv.conf. */
	stage.daemon.inClient = true;
	await stage.daemon.start();
});
afterAll(() => stage?.close());
beforeEach(async () => {
	writeFileSync(resolvConf, beginning);
	await stage.world.server.clear();
});

const argv = (name: string) => [fetch, name, String(PORTS.http)];
const get = (name: string): Promise<Outcome> => stage.world.run(argv(name));
const isReached = ({ stdout }: Outcome) => stdout.endsWith("\r\n\r\nok\n");
const servers = (...more: readonly string[]) =>
	appendFileSync(resolvConf, more.map((server) => `nameserver ${server}\n`).join(""));

test.each([
	["one", [], "a"],
	["two", [DNS6], "b"],
	["three", [DNS6, ROGUE4], "c"],
] as const)("with %s of the name servers, each of ten names reaches its host", async (_, more, kind) => {
	servers(...more);
	for (let i = 0; i < LOOKUPS; i++) {
		const name = `${kind}${i}.gen.test`;
		expect(isReached(await get(name)), name).toBe(true);
		expect(await stage.arrivals({ at: address4(kind, i), port: PORTS.http })).toHaveLength(1);
	}
	const asked = (await stage.world.server.asked()).filter(({ name }) => name === `${kind}0.gen.test`);
	expect(new Set(asked.map(({ to }) => to)).size).toBe(1 + more.length);
});

test("a search list does not end the search for an allowed name", async () => {
	appendFileSync(resolvConf, "options ndots:5\n");
	servers(DNS6);
	expect(isReached(await get("www.good.test"))).toBe(true);
	expect((await stage.world.server.asked()).map(({ name }) => name)).toContain("www.good.test.corp.test");
	expect(await stage.arrivals({ at: WWW4 })).toHaveLength(1);
});

test.each([
	["deny", "lookup:"],
	["allow", "connect: Permission denied"],
] as const)("with dns: %s a denied name reaches nothing", async (dns, error) => {
	await stage.daemon.put(POLICY(dns));
	servers(DNS6);
	const outcome = await get("www.bad.test");
	expect([outcome.code, outcome.stdout]).toEqual([1, expect.stringContaining(error)]);
	expect(await stage.arrivals({ at: BAD4 })).toEqual([]);
	const free = await run(stage.world.network.inClient(argv("www.bad.test")), { env: cleanEnvironment() });
	expect(isReached(free), "without Sallyport").toBe(true);
	expect(await stage.arrivals({ at: BAD4 })).toHaveLength(1);
});
