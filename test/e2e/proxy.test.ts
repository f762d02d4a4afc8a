/** A rule with `cidr` and `domain`: a proxy or service address that shows the name, which DNS never gave to it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { policy, type TestRule } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";

/* Listeners answer on each address. */
const PROXY4 = "198.19.70.1";
const RULE: TestRule = {
	name: "proxy",
	to: { cidr: `${PROXY4}/32`, domain: "good.test", ports: [PORTS.http, PORTS.tls, PORTS.sink] },
};
/* The defaults of tls and http allow any name, so only the promise of a name can deny. */
const LOOSE = { connect: "deny", dns: "allow", tls: "allow", http: "allow" } as const;

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [RULE], defaults: LOOSE }));
});
afterAll(() => stage?.close());
beforeEach(() => stage.world.server.clear());

const get = (name: string, args: readonly string[] = []) =>
	stage.curl(`http://${name}/`, ["-x", `http://${PROXY4}:${PORTS.http}`, ...args]);
const requests = async () => (await stage.arrivals({ port: PORTS.http })).flatMap((each) => each.requests);

for (const [title, defaults] of [
	["with default allow", LOOSE],
	["with default deny", { ...LOOSE, tls: "deny", http: "deny" }],
] as const) {
	test(`a request to a proxy passes for the allowed name only, ${title}`, async () => {
		await stage.daemon.put(policy({ rules: [RULE], defaults }));
		expect(await get("good.test")).toMatchObject({ ok: true });
		expect(await requests()).toEqual(["GET http://good.test/ HTTP/1.1"]);
		await stage.world.server.clear();
		expect(await get("bad.test")).toMatchObject({ ok: false });
		expect(await stage.bytesAt({ at: PROXY4 })).toBe(0);
		expect(await stage.record({ address: PROXY4, verdict: "deny" })).toBeDefined();
	});

	test(`a tunnel through a proxy opens for the allowed name only, ${title}`, async () => {
		await stage.daemon.put(policy({ rules: [RULE], defaults }));
		await get("good.test", ["-p"]);
		expect(await requests()).toContain("CONNECT good.test:80 HTTP/1.1");
		await stage.world.server.clear();
		await get("bad.test", ["-p"]);
		expect(await stage.bytesAt({ at: PROXY4 })).toBe(0);
	});

	test(`the second request on a connection to a proxy must have an allowed name, too, ${title}`, async () => {
		await stage.daemon.put(policy({ rules: [RULE], defaults }));
		const outcome = await get("bad.test/two", ["http://good.test/one"]);
		expect(outcome.ok).toBe(false);
		expect((await requests()).join()).not.toContain("bad.test");
		expect((await requests()).join()).toContain("good.test");
	});

	test(`a ClientHello to a service address passes for the allowed name only, ${title}`, async () => {
		await stage.daemon.put(policy({ rules: [RULE], defaults }));
		const to = (name: string) => stage.curl(`https://${name}/`, ["-k", "--resolve", `${name}:443:${PROXY4}`]);
		expect(await to("good.test")).toMatchObject({ ok: true });
		await stage.world.server.clear();
		expect(await to("bad.test")).toMatchObject({ ok: false });
		expect(await stage.bytesAt({ at: PROXY4 })).toBe(0);
	});
}

test("what has no name, and another address, is denied", async () => {
	await stage.daemon.put(policy({ rules: [RULE], defaults: LOOSE }));
	const plain = await stage.probe(["exchange", PROXY4, PORTS.sink, 100]);
	expect(plain.errno).not.toBe("0");
	expect(await stage.bytesAt({ at: PROXY4 })).toBe(0);
	expect(await stage.record({ address: PROXY4, verdict: "deny", reason: "not_tls" })).toBeDefined();
	expect((await stage.probe(["tcp", "198.19.70.2", PORTS.http])).errno).toBe("EACCES");
});

test("a connection on which a request has shown the name goes on under a new policy", async () => {
	await stage.daemon.put(policy({ rules: [RULE], defaults: LOOSE }));
	const slow = get("good.test/one", ["http://good.test/two", "--rate", "20/m"]);
	await new Promise((done) => setTimeout(done, 1_000));
	await stage.daemon.put(policy({ rules: [RULE, { name: "more", to: { cidr: "198.19.70.9/32" } }], defaults: LOOSE }));
	expect(await slow).toMatchObject({ ok: true });
	expect(await requests()).toHaveLength(2);
});
