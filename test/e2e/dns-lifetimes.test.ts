/** Lifetime and number of the addresses of a name: bypass row N17, and S10 as far as names are concerned. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { framed, question } from "../support/dns-message.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { policy } from "../support/policies.ts";
import { SLOW, sleep } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import type { Zone } from "../support/zone.ts";
import { ZONE } from "../support/zones.ts";

const SHORT4 = "198.19.40.1";
const BRIEF4 = "198.19.40.4";
const USED4 = "198.19.40.5";
const LONG4 = "198.19.40.2";
const FLOOR4 = "198.19.40.3";
/** Long enough to connect [s]. A name with a TTL of 1 has expired after EXPIRED ms. */
const GRACE = Math.ceil(SLOW / 4);
const EXPIRED = (GRACE + 2) * 1000;
const RULES = [{ name: "good", to: { domain: "**.good.test", ports: [PORTS.sink, PORTS.echo] } }];
const BRIEF = policy({ rules: RULES, more: { ttl: { floor: 0, grace: GRACE } } });
const BASE: Zone = {
	...ZONE,
	"short.good.test": [{ type: "A", data: SHORT4, ttl: 1 }],
	"brief.good.test": [{ type: "A", data: BRIEF4, ttl: 1 }],
	"used.good.test": [{ type: "A", data: USED4, ttl: 1 }],
	"long.good.test": [{ type: "A", data: LONG4, ttl: 600 }],
	"floor.good.test": [{ type: "A", data: FLOOR4, ttl: 0 }],
};

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(BRIEF);
	await stage.world.server.zone(BASE);
});
afterAll(() => stage?.close());

const ask = (name: string, connect: readonly (readonly [string, number])[] = []) =>
	stage.dns({ via: "udp", server: DNS4, messages: [question(1, [{ name }]).toString("hex")], answers: 1, connect });
const connects = async (address: string) => (await stage.probe(["tcp", address, PORTS.sink])).errno;

test("N17: an open connection continues after its name's TTL and after a reload that still allows it", async () => {
	expect((await ask("short.good.test", [[SHORT4, PORTS.sink]])).connects).toEqual(["ok"]);
	const connection = new OpenConnection(stage.world, SHORT4, PORTS.echo);
	await connection.reached("connected");
	await sleep(EXPIRED);
	await stage.daemon.put(BRIEF.replace('"mode"', '"deny_errno": "EACCES", "mode"'));
	await sleep(300);
	connection.go();
	expect(await connection.reached("echoed")).toBeDefined();
	connection.close();
});

test("an unused address expires with its TTL, and the next answer adds it again", async () => {
	expect((await ask("brief.good.test", [[BRIEF4, PORTS.sink]])).connects).toEqual(["ok"]);
	await sleep(EXPIRED);
	expect(await connects(BRIEF4), "expired").toBe("EACCES");
	expect(
		await stage.record({ address: BRIEF4, name: "brief.good.test", verdict: "deny", reason: "name_expired" }),
	).toBeDefined();
	expect((await ask("brief.good.test", [[BRIEF4, PORTS.sink]])).connects, "asked again").toEqual(["ok"]);
});

test("an address in use does not expire, also for new connections", async () => {
	await stage.daemon.put(policy({ rules: RULES, more: { ttl: { floor: 0, grace: 7 + GRACE } } }));
	await ask("used.good.test");
	const connection = new OpenConnection(stage.world, USED4, PORTS.echo);
	await connection.reached("connected");
	await sleep(9_000 + GRACE * 1000);
	expect(await connects(USED4)).toBe("0");
	connection.close();
	await stage.daemon.put(BRIEF);
});

test("an address with TTL 0 is kept for floor plus grace, one with a long TTL for its TTL", async () => {
	await ask("long.good.test");
	await ask("floor.good.test");
	await sleep(EXPIRED - 500);
	expect(await connects(FLOOR4)).toBe("EACCES");
	expect(await connects(LONG4)).toBe("0");
	await stage.daemon.put(policy({ rules: RULES, more: { ttl: { floor: 30, grace: 5 } } }));
	await ask("floor.good.test");
	await sleep(EXPIRED);
	expect(await connects(FLOOR4)).toBe("0");
});

test("a name with thousands of addresses is limited to its share, and other names keep theirs", async () => {
	await stage.daemon.put(policy({ rules: RULES }));
	await ask("long.good.test");
	const of = (number: number) => `198.19.${100 + (number >> 8)}.${number & 255}`;
	const learned = await stage.metric("sallyport_dns_answers_total", 'result="learned"');
	for (let round = 0; round < 8; round++) {
		const greedy = Array.from({ length: 240 }, (_, i) => ({ type: "A", data: of(round * 240 + i) }) as const);
		await stage.world.server.zone({ ...BASE, "greedy.good.test": greedy });
		const message = framed(question(round, [{ name: "greedy.good.test" }])).toString("hex");
		const outcome = await stage.dns({ via: "tcp", server: DNS4, messages: [message], answers: 1 });
		expect(outcome.answers.length).toBe(1);
	}
	expect(await stage.metric("sallyport_dns_answers_total", 'result="capped"')).toBe(8 * 240 - 1_024);
	expect(await stage.metric("sallyport_dns_answers_total", 'result="learned"')).toBe(learned + 1_024);
	expect(await connects(of(0))).toBe("0");
	expect(await connects(of(8 * 240 - 1))).toBe("EACCES");
	expect(await stage.record({ address: of(8 * 240 - 1), verdict: "deny", reason: "name_capped" })).toBeDefined();
	expect(await connects(LONG4)).toBe("0");
	await ask("floor.good.test");
	expect(await connects(FLOOR4), "another name learns as ever").toBe("0");
});
