/** A reload is atomic: no connection is decided by a mix of two policies, and open connections are judged again. */
import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prefixFile } from "../bench/prefixes.ts";
import { status } from "../support/api.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { must, run, SLOW, sleep, until } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";

const X = "198.19.5.1";
const Y = "198.19.6.1";

/**
 * The same two rules in the two orders, so that each bit means the other rule: under A as under B, X is reached on `echo`
 * and not on `sink`. An address vector of one policy ANDed with a port vector of the other gives the opposite of both.
 * `third` is open in A only: both outcomes must be seen, or nothing was reloaded.
 */
const TWO: readonly TestRule[] = [
	{ name: "x-echo", to: { cidr: `${X}/32`, ports: PORTS.echo } },
	{ name: "y-sink", to: { cidr: `${Y}/32`, ports: PORTS.sink } },
];
const A = policy({ rules: [...TWO, { name: "x-third", to: { cidr: `${X}/32`, ports: PORTS.third } }] });
const B = policy({ rules: [...TWO].reverse() });

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(A);
});
afterAll(() => stage?.close());

test("160,000 connections while the policy is replaced again and again: none is decided by a mix of two policies", {
	timeout: 120_000 * SLOW,
}, async () => {
	const argv = [stage.world.client("storm"), X, "160000", String(PORTS.echo), String(PORTS.sink), String(PORTS.third)];
	let running = true;
	const storm = stage.world.run(argv, { timeout: 100_000 }).finally(() => {
		running = false;
	});
	let reloads = 0;
	for (let next = performance.now(); running; next += 100) {
		await stage.daemon.put(reloads % 2 === 0 ? B : A);
		reloads += 1;
		await sleep(Math.max(0, next + 100 - performance.now()));
	}
	const seen = parse<Record<string, { ok: number; denied: number; other: number }>>((await storm).stdout);
	expect(reloads).toBeGreaterThanOrEqual(8);
	expect(seen[PORTS.echo]).toMatchObject({ denied: 0, other: 0 });
	expect(seen[PORTS.sink]).toMatchObject({ ok: 0, other: 0 });
	expect(seen[PORTS.third]?.ok).toBeGreaterThan(0);
	expect(seen[PORTS.third]?.denied).toBeGreaterThan(0);
	for (const each of await stage.records({ address: X })) {
		const expected =
			each.port === PORTS.echo
				? ["allow x-echo"]
				: each.port === PORTS.sink
					? ["deny null"]
					: ["allow x-third", "deny null"];
		expect(expected).toContain(`${each.verdict} ${each.rule}`);
	}
});

test("an open connection that the new policy denies ends immediately, an allowed one continues", async () => {
	await stage.daemon.put(
		policy({ rules: [{ name: "both", to: { cidr: [`${X}/32`, `${Y}/32`], ports: PORTS.echo } }] }),
	);
	const [ends, stays] = [
		new OpenConnection(stage.world, X, PORTS.echo),
		new OpenConnection(stage.world, Y, PORTS.echo),
	];
	for (const connection of [ends, stays]) connection.go();
	await Promise.all([ends.reached("echoed"), stays.reached("echoed")]);
	await stage.daemon.put(policy({ rules: [{ name: "only-y", to: { cidr: `${Y}/32`, ports: PORTS.echo } }] }));
	const broken = await ends.reached("broken");
	expect(broken.errno, "closed by the daemon: a timeout would be ETIMEDOUT").toBe("ECONNABORTED");
	await sleep(300);
	expect(stays.last).toBe("echoed");
	stays.close();
	const closed = await stays.reached("closed");
	expect(closed.received).toBeGreaterThan(20);
});

test("an open connection by name continues over reloads that allow the name, and ends with one that does not", async () => {
	const good: TestRule = { name: "good", to: { domain: "**.good.test", ports: [PORTS.echo, PORTS.tls] } };
	await stage.daemon.put(policy({ rules: [good] }));
	const resolved = await stage.curl("https://www.good.test/", ["-4"]);
	expect(resolved).toMatchObject({ ok: true });
	const connection = new OpenConnection(stage.world, "198.19.1.2", PORTS.echo);
	connection.go();
	await connection.reached("echoed");
	for (let round = 0; round < 5; round++) {
		await stage.daemon.put(policy({ rules: [good, { name: `round-${round}`, to: { cidr: "198.19.77.0/24" } }] }));
		await sleep(50);
	}
	expect(connection.last).toBe("echoed");
	await stage.daemon.put(policy({ rules: [] }));
	expect((await connection.reached("broken")).errno).not.toBe("0");
});

test("an idle open connection that is now denied ends without a packet", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "x", to: { cidr: `${X}/32`, ports: PORTS.echo } }] }));
	await stage.world.server.clear();
	const connection = new OpenConnection(stage.world, X, PORTS.echo);
	await connection.reached("connected");
	const open = () =>
		must("ip", "netns", "exec", stage.world.network.client, "ss", "-Htn", "state", "established", "dst", X);
	expect(open()).toContain(X);
	await stage.daemon.put(policy({ rules: [] }));
	await until("no such socket", 2_000, () => !open().includes(X));
	expect(await stage.record({ address: X, port: PORTS.echo, verdict: "deny", reason: "default" })).toBeDefined();
	connection.go();
	expect((await connection.reached("broken")).errno).not.toBe("0");
	expect(await stage.bytesAt({ at: X })).toBe(0);
});

test("an invalid policy is refused with the error's position, and the previous one stays in force", async () => {
	await stage.daemon.put(A);
	const before = await status(stage.daemon);
	const reply = await stage.daemon.ask(
		"PUT",
		"/v1/policy",
		"version: 1\nmode: enforce\ngroups:\n  - name: g\n    rulez: []\n",
	);
	expect(reply.status).toBe(422);
	expect(reply.text).toMatch(/rules/);
	expect((await status(stage.daemon)).generation).toBe(before.generation);
	expect(await stage.probe(["tcp", X, PORTS.echo])).toMatchObject({ errno: "0" });
	expect(await stage.probe(["tcp", X, PORTS.sink])).toMatchObject({ errno: "EACCES" });
});

test("a change of the file is a reload; an invalid file leaves the previous policy in force", async () => {
	const denied = async () => (await stage.probe(["tcp", X, PORTS.third])).errno === "EACCES" || undefined;
	await stage.daemon.put(A);
	writeFileSync(stage.daemon.policyFile, B);
	await until("policy B from the file", 5_000, denied);
	writeFileSync(stage.daemon.policyFile, "version: 1\nmode: nonsense\n");
	await sleep(500);
	expect(await denied()).toBe(true);
	writeFileSync(stage.daemon.policyFile, A);
	await until("policy A from the file", 5_000, async () => (await denied()) === undefined || undefined);
});

test("policy reload exits with 3 for an invalid file, and reports the new policy for a valid one", async () => {
	const reload = async () => {
		const argv = [NODE, join(ROOT, "src/main.ts"), "policy", "reload", "--socket", stage.daemon.socket];
		const { code, stdout, stderr } = await run(argv);
		return { code, text: stdout + stderr };
	};
	writeFileSync(stage.daemon.policyFile, "version: 1\nmode: nonsense\n");
	expect(await reload()).toMatchObject({ code: 3, text: expect.stringContaining("policy.yaml:2:7") });
	expect(await stage.probe(["tcp", X, PORTS.echo])).toMatchObject({ errno: "0" });
	writeFileSync(stage.daemon.policyFile, A);
	expect(await reload()).toMatchObject({ code: 0, text: expect.stringContaining("in force, generation") });
});

test("the daemon responds while 1,000,000 prefixes are loaded", {
	timeout: 120_000 * SLOW,
}, async () => {
	const folder = dirname(stage.daemon.policyFile);
	const big = prefixFile(folder, 1_000_000);
	const large = policy({
		rules: [{ name: "listed", to: { cidr: "@big" } }],
		more: { lists: { big: { file: basename(big) } } },
	});
	await stage.daemon.put(A);
	const parts: number[] = [];
	for (let round = 0; round < 3; round++) {
		const began = performance.now();
		let done = false;
		const put = stage.daemon.put(large).finally(() => {
			done = true;
		});
		let slowest = 0;
		while (!done) {
			const asked = performance.now();
			expect((await stage.daemon.ask("GET", "/healthz")).status).toBe(200);
			slowest = Math.max(slowest, performance.now() - asked);
			await sleep(5);
		}
		await put;
		const took = performance.now() - began;
		console.log(`1,000,000 prefixes: ${Math.round(took)} ms, /healthz at most ${Math.round(slowest)} ms`);
		parts.push(slowest / took);
	}
	/* The minimum: other processes also delay a reply, but not in every round. */
	expect(Math.min(...parts)).toBeLessThan(0.2);
	await stage.daemon.put(A);
});
