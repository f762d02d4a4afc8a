/** Names that the policy writes out stay resolved, for programs that resolve once and keep the address. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { question } from "../support/dns-message.ts";
import { policy } from "../support/policies.ts";
import { SLOW, sleep, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

const NAME = "upstream.good.test";
const FIRST4 = "198.19.41.1";
const LATER4 = "198.19.41.2";
/** Long enough to connect [s]. A name with a TTL of 2 has expired after EXPIRED ms. */
const GRACE = Math.ceil(SLOW / 4);
const EXPIRED = (GRACE + 5) * 1000;
const POLICY = policy({
	rules: [{ name: "upstream", to: { domain: NAME, ports: [PORTS.sink, PORTS.udp] } }],
	more: { resolvers: [DNS4], ttl: { floor: 0, grace: GRACE } },
});

let stage: Stage | null = null;
afterEach(() => {
	stage?.close();
	stage = null;
});

async function start(how: "resolve" | "none"): Promise<Stage> {
	const own = await Stage.make(POLICY, { start: false, flags: ["--warm-up", how] });
	stage = own;
	await zone(own, FIRST4);
	own.daemon.inClient = true;
	await own.daemon.start();
	return own;
}

const zone = ({ world }: Stage, address: string) =>
	world.server.zone({ ...ZONE, [NAME]: [{ type: "A", data: address, ttl: 2 }] });

/** A program that resolves once. It connects to the address at once, and again after the sign. */
async function resolveOnce(own: Stage): Promise<() => Promise<string | undefined>> {
	const sign = join(own.world.folder, "go");
	const messages = [question(1, [{ name: NAME }]).toString("hex")];
	const connect: [string, number][] = [[FIRST4, PORTS.sink]];
	const task = { via: "udp", server: DNS4, messages, answers: 1, connect } as const;
	expect((await own.dns(task)).connects).toEqual(["ok"]);
	const client = own.dns({ ...task, until: sign });
	return async () => {
		writeFileSync(sign, "");
		return (await client).connects[0];
	};
}

test("a program that resolved once connects again after the answer's lifetime", async () => {
	const own = await start("resolve");
	const again = await resolveOnce(own);
	await sleep(EXPIRED);
	expect(await again()).toBe("ok");
	const { text } = await own.daemon.ask("GET", "/v1/status");
	expect(JSON.parse(text).names).toEqual({ kept: 1, unanswered: 0, leftOut: 0 });
	expect(await own.metric("sallyport_kept_names")).toBe(1);
	expect(await own.metric("sallyport_kept_name_lookups_total", 'result="answered"')).toBeGreaterThan(1);
});

test("without warm-up it is denied", async () => {
	const again = await resolveOnce(await start("none"));
	await sleep(EXPIRED);
	expect(await again()).toBe("EACCES");
});

test("an address that later answers no longer have stays allowed for the program that uses it", async () => {
	const own = await start("resolve");
	const again = await resolveOnce(own);
	await zone(own, LATER4);
	await sleep(EXPIRED);
	expect(await again()).toBe("ok");
	expect((await own.probe(["tcp", LATER4, PORTS.sink])).errno, "the new address").toBe("0");
});

test("resolvers that do not answer do not end what they allowed", async () => {
	const own = await start("resolve");
	const again = await resolveOnce(own);
	await own.world.server.mute();
	await until("a query has failed", 30_000, async () => {
		return (await own.metric("sallyport_kept_name_lookups_total", 'result="failed"')) > 0 || undefined;
	});
	await sleep(EXPIRED);
	expect(await again()).toBe("ok");
	const { text } = await own.daemon.ask("GET", "/v1/status");
	expect(JSON.parse(text).names).toEqual({ kept: 1, unanswered: 1, leftOut: 0 });
});
