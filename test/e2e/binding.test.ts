/** Name and address must agree. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAtOnce } from "../support/at-once.ts";
import { policy } from "../support/policies.ts";
import { type Curl, PORTS, parse, Stage } from "../support/stage.ts";
import { EDGE4, NAMELESS4, NAMELESS6 } from "../support/zones.ts";

const GOOD = { name: "good", to: { domain: "**.good.test", ports: PORTS.tls } };
const OPEN = { name: "open", phases: ["connect"], to: { ports: PORTS.tls, protocol: "tcp" } } as const;

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [GOOD, OPEN] }));
});
afterAll(() => stage?.close());

test.each([
	["IPv4", NAMELESS4, NAMELESS4],
	["IPv6", NAMELESS6, `[${NAMELESS6}]`],
])(
	"an allowed SNI to an address that no DNS answer had is denied over %s, and no byte arrives",
	async (_, address, inUrl) => {
		const allowed: Curl[] = [];
		const outcomes: Curl[] = [];
		for (let round = 0; round < 5; round++) {
			allowed.push(await stage.curl("https://www.good.test/"));
			outcomes.push(await stage.curl("https://www.good.test/", ["--resolve", `www.good.test:443:${inUrl}`]));
		}
		expect(outcomes.filter(({ ok, exit }) => ok || exit === 28)).toEqual([]);
		const times = (each: readonly Curl[]) => each.map(({ total }) => total * 1_000);
		expectAtOnce(times(outcomes), times(allowed));
		expect(await stage.bytesAt({ at: address })).toBe(0);
		expect(
			await stage.record({ address, name: "www.good.test", verdict: "deny", phase: "tls", reason: "name_unbound" }),
		).toBeDefined();
	},
);

test("an allowed SNI sent to the address of another allowed name is denied", async () => {
	expect(await stage.curl("https://www.good.test/")).toMatchObject({ ok: true });
	expect(await stage.curl("https://shared.good.test/")).toMatchObject({ ok: true });
	await stage.world.server.clear();
	const outcome = await stage.node("six.good.test", PORTS.tls, "198.19.1.2");
	expect(outcome.ok).toBe(false);
	expect(await stage.bytesAt({ at: "198.19.1.2" })).toBe(0);
	expect(
		await stage.record({ address: "198.19.1.2", name: "six.good.test", verdict: "deny", reason: "name_unbound" }),
	).toBeDefined();
});

test("another SNI to a learned address is denied, although connect allows the address", async () => {
	await stage.daemon.put(policy({ rules: [GOOD] }));
	expect(await stage.curl("https://api.good.test/", ["-4"])).toMatchObject({ ok: true });
	await stage.world.server.clear();
	const outcome = await stage.curl("https://neighbour.bad.test/", [
		"-4",
		"--resolve",
		`neighbour.bad.test:443:${EDGE4}`,
	]);
	expect(outcome).toMatchObject({ ok: false });
	expect(outcome.exit, "a timeout is no denial").not.toBe(28);
	expect(await stage.bytesAt({ at: EDGE4 })).toBe(0);
	expect(
		await stage.record({ address: EDGE4, name: "neighbour.bad.test", verdict: "deny", phase: "tls", rule: null }),
	).toBeDefined();
	expect(await stage.curl("https://api.good.test/", ["-4"]), "the right name still works").toMatchObject({ ok: true });
});

test("a hello without SNI to a learned address is denied", async () => {
	await stage.world.server.clear();
	const outcome = await stage.curl(`https://${EDGE4}/`, ["-k"]);
	expect(outcome.ok).toBe(false);
	expect(await stage.bytesAt({ at: EDGE4 })).toBe(0);
	expect(await stage.record({ address: EDGE4, verdict: "deny", phase: "tls", reason: "name_missing" })).toBeDefined();
});

test("without DNS, strict binding denies at connect; with name_binding sni the hello decides", async () => {
	const fresh = ["--resolve", "four.good.test:443:198.19.8.8"];
	expect(await stage.curl("https://four.good.test/", fresh)).toMatchObject({ ok: false, exit: 7 });
	await stage.daemon.put(policy({ rules: [GOOD], more: { name_binding: "sni" } }));
	expect(await stage.curl("https://four.good.test/", fresh)).toMatchObject({ ok: true });
	expect(await stage.curl("https://www.bad.test/", ["--resolve", "www.bad.test:443:198.19.8.9"])).toMatchObject({
		ok: false,
	});
	expect(await stage.bytesAt({ at: "198.19.8.9" })).toBe(0);
	const plain = await stage.probe(["exchange", "198.19.8.10", PORTS.tls, 100]);
	expect(plain.errno, "no hello").not.toBe("0");
	expect(await stage.bytesAt({ at: "198.19.8.10" })).toBe(0);
	expect(await stage.record({ address: "198.19.8.10", verdict: "deny", reason: "not_tls" })).toBeDefined();
});

test("a split hello, or one after cleartext, is judged by its name: a denied one lacks its last segment", async () => {
	const open = { name: "open", phases: ["connect"], to: { protocol: "tcp" } } as const;
	const good = { name: "good", to: { domain: "**.good.test" } };
	await stage.daemon.put(policy({ rules: [good, open], more: { name_binding: "sni" } }));
	const hello = async (address: string, sni: string, how: string) => {
		const argv = [stage.world.client("hello"), address, String(PORTS.sink), sni, how];
		return parse<{ pid: number; errno: string }>((await stage.world.run(argv)).stdout);
	};
	expect(await hello("198.19.8.20", "x.good.test", "whole")).toMatchObject({ errno: "0" });
	const whole = await stage.bytesAt({ at: "198.19.8.20" });
	const pieces = ["first:1", "first:4", "first:5", "first:6", "first:9", "first:43", "first:60"].map(
		(how) => [how, 0] as const,
	);
	for (const [at, [how, more]] of [...pieces, ["prefix:x", 1] as const, ["prefix:EHLO me", 7] as const].entries()) {
		const here = `198.19.8.${30 + at}`;
		const bad = `198.19.8.${60 + at}`;
		expect(await hello(here, "x.good.test", how), how).toMatchObject({ errno: "0" });
		expect(await stage.bytesAt({ at: here }), how).toBe(whole + more);
		expect((await hello(bad, "x.bad.test", how)).errno, how).not.toBe("0");
		const before = how.startsWith("first:") ? Number(how.slice(6)) : more;
		expect(await stage.bytesAt({ at: bad }), how).toBeLessThanOrEqual(before);
		expect(await stage.record({ address: bad, phase: "tls", verdict: "deny", name: "x.bad.test" }), how).toBeDefined();
	}
});

test("a hello that is never completed is judged incomplete when its socket is closed", async () => {
	await stage.daemon.put(policy({ rules: [GOOD, { name: "open", phases: ["connect"], to: { protocol: "tcp" } }] }));
	const argv = [stage.world.client("hello"), "198.19.8.99", String(PORTS.sink), "x.good.test", "only:40"];
	await stage.world.run(argv);
	expect(await stage.record({ address: "198.19.8.99", phase: "tls", reason: "incomplete" })).toBeDefined();
});
