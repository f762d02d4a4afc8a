/** A connection directly after a DNS answer: the address must be known before the application can use it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4, DNS6 } from "../support/addresses.ts";
import { policy } from "../support/policies.ts";
import { SLOW } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";

interface Sum {
	ok: number;
	denied: number;
	unresolved: number;
	other: number;
	first: string;
}

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [{ name: "generated", to: { domain: "*.gen.test", ports: PORTS.sink } }] }));
});
afterAll(() => stage?.close());

async function ask(how: string, family: number, resolver: string, kind: string, count: number): Promise<Sum> {
	const argv = [
		stage.world.client("dnsconnect"),
		how,
		String(family),
		resolver,
		kind,
		"0",
		String(count),
		String(PORTS.sink),
	];
	return parse((await stage.world.run(argv, { timeout: 90_000 })).stdout);
}

test("10,000 new names and addresses are never wrongly denied when connected immediately", {
	timeout: 100_000 * SLOW,
}, async () => {
	expect(await ask("query", 4, DNS4, "a", 10_000)).toEqual({
		ok: 10_000,
		denied: 0,
		unresolved: 0,
		other: 0,
		first: "",
	});
});

test("the same over IPv6", { timeout: 100_000 * SLOW }, async () => {
	expect(await ask("query", 6, DNS6, "b", 4_000)).toEqual({ ok: 4_000, denied: 0, unresolved: 0, other: 0, first: "" });
});

test("the same through getaddrinfo", { timeout: 100_000 * SLOW }, async () => {
	expect(await ask("getaddrinfo", 4, DNS4, "c", 4_000)).toEqual({
		ok: 4_000,
		denied: 0,
		unresolved: 0,
		other: 0,
		first: "",
	});
	expect(await ask("getaddrinfo", 6, DNS4, "d", 2_000)).toEqual({
		ok: 2_000,
		denied: 0,
		unresolved: 0,
		other: 0,
		first: "",
	});
});

test("no address is learned from the answer of an untrusted resolver", async () => {
	const rogue = await ask("query", 4, "198.51.100.54", "a", 1);
	expect(rogue, "the resolver itself is a denied address").toMatchObject({ ok: 0 });
	await stage.daemon.put(
		policy({
			rules: [
				{ name: "generated", to: { domain: "*.gen.test", ports: PORTS.sink } },
				{ name: "rogue", to: { cidr: "198.51.100.54/32", ports: 53 } },
			],
		}),
	);
	const argv = [
		stage.world.client("dnsconnect"),
		"query",
		"4",
		"198.51.100.54",
		"a",
		"15000",
		"10",
		String(PORTS.sink),
	];
	expect(parse((await stage.world.run(argv)).stdout), "asked, answered, not believed").toMatchObject({
		ok: 0,
		denied: 10,
		unresolved: 0,
	});
});
