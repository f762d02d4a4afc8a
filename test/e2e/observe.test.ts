/** Mode observe: everything passes, and the record says what enforce would have done, by the same rule. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Seen } from "../support/api.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { SLOW } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, EDGE4, NAMELESS4, WWW4 } from "../support/zones.ts";

const RULES: TestRule[] = [
	{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: "www.bad.test" } },
	{ name: "no-smtp", action: "deny", to: { ports: PORTS.smtp, protocol: "tcp" } },
	{ name: "good", to: { domain: "**.good.test", ports: PORTS.tls } },
	{ name: "echo", to: { ports: PORTS.echo } },
];

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ mode: "observe", rules: RULES }));
});
afterAll(() => stage?.close());

test("everything passes and is recorded as would_deny with the rule, phase and reason that enforce gives", {
	timeout: 30_000 * SLOW,
}, async () => {
	const attempts: { what: string; like: Partial<Seen>; run: () => Promise<boolean> }[] = [
		{ what: "smtp", like: { address: NAMELESS4, port: PORTS.smtp }, run: () => works(NAMELESS4, PORTS.smtp) },
		{ what: "no rule", like: { address: NAMELESS4, port: PORTS.sink }, run: () => works(NAMELESS4, PORTS.sink) },
		{ what: "allowed", like: { address: NAMELESS4, port: PORTS.echo }, run: () => works(NAMELESS4, PORTS.echo) },
		{
			what: "allowed name",
			like: { address: WWW4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.good.test/", ["-4"])).ok,
		},
		{
			what: "denied name",
			like: { address: BAD4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.bad.test/", ["-4", "--resolve", `www.bad.test:443:${BAD4}`])).ok,
		},
		{
			what: "another name",
			like: { address: EDGE4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.good.test/", ["--resolve", `www.good.test:443:${EDGE4}`])).ok,
		},
		{
			what: "udp",
			like: { address: NAMELESS4, port: PORTS.udp, protocol: "udp" },
			run: async () => (await stage.probe(["udp", NAMELESS4, PORTS.udp, "sendto", "hello"])).errno === "0",
		},
	];
	const observed = new Map<string, Record<string, string>>();
	for (const { what, like, run } of attempts) {
		expect(await run(), what).toBe(true);
		const seen = await stage.record({
			...like,
			kind: "connection",
			verdict: what.startsWith("allowed") ? "allow" : "would_deny",
		});
		observed.set(what, seen.decisions);
	}
	expect((await stage.records({ verdict: "deny" })).length).toBe(0);

	await stage.daemon.put(policy({ rules: RULES }));
	for (const { what, like, run } of attempts) {
		const allowed = what.startsWith("allowed");
		expect(await run(), what).toBe(allowed);
		const seen = await stage.record({ ...like, kind: "connection", verdict: allowed ? "allow" : "deny" });
		// observe goes on to later phases, so compare the phase in which enforce decided
		const [phase = "", decision = ""] = Object.entries(seen.decisions).at(-1) ?? [];
		expect(observed.get(what)?.[phase]?.replace("would_", ""), what).toBe(decision);
	}
});

test("a question that phase dns would deny is answered, and recorded as would_deny", async () => {
	await stage.daemon.put(policy({ mode: "observe", rules: RULES }));
	expect(await stage.curl("https://www.bad.test/", ["-4"])).toMatchObject({ ok: true });
	expect(
		await stage.record({ kind: "dns", name: "www.bad.test", verdict: "would_deny", phase: "dns", rule: "no-question" }),
	).toBeDefined();
});

async function works(address: string, port: number): Promise<boolean> {
	return (await stage.probe(["tcp", address, port, "hello"])).errno === "0";
}
