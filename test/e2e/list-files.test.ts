/** A policy and its list in a ConfigMap volume: each swap is noticed, and a cut list changes nothing. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { NAMELESS4 } from "../support/zones.ts";

interface Status {
	readonly generation: number;
	readonly policy: { readonly failure: { readonly problems: readonly string[] } | null };
}

let stage: Stage;
let volume: string;
let versions = 0;
beforeAll(async () => {
	stage = await Stage.make(policy(), { start: false });
	volume = join(stage.world.folder, "volume");
	publish(POLICY(), [NAMELESS4, ...OTHERS]);
	for (const file of ["policy.yaml", "blocked.txt"]) symlinkSync(`..data/${file}`, join(volume, file));
	stage.daemon.flags.push("--policy", join(volume, "policy.yaml"));
	await stage.daemon.start();
});
afterAll(() => stage?.close());

const OTHERS = Array.from({ length: 9 }, (_, at) => `203.0.113.${at}`);
const POLICY = (more: Record<string, unknown> = {}) =>
	policy({
		defaults: { connect: "allow", tls: "allow" },
		rules: [{ name: "blocked", action: "deny", to: { cidr: "@blocked" } }],
		more: { lists: { blocked: { file: "blocked.txt", ...more } } },
	});

/** As kubelet's AtomicWriter does: a new folder, a link to it, and the link renamed over "..data". */
function publish(text: string, list: readonly string[]): void {
	const name = `..2026_11_30_${++versions}`;
	mkdirSync(join(volume, name), { recursive: true });
	writeFileSync(join(volume, name, "policy.yaml"), text);
	writeFileSync(join(volume, name, "blocked.txt"), list.map((entry) => `${entry}\n`).join(""));
	symlinkSync(name, join(volume, "..data_tmp"));
	renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
}

const status = () => stage.daemon.get<Status>("/v1/status");
const denied = async () => (await stage.probe(["tcp", NAMELESS4, PORTS.echo])).errno === "EACCES";
const inForce = (generation: number) =>
	until(`generation ${generation}`, 15_000, async () => (await status()).generation === generation || undefined);
const failure = (word: string) =>
	until(`a refusal with ${word}`, 15_000, async () =>
		(await status()).policy.failure?.problems.find((problem) => problem.includes(word)),
	);

test("a swap of the list, then of the policy, then of both is in force, each with one load", async () => {
	const { generation } = await status();
	expect(await denied()).toBe(true);
	publish(POLICY(), OTHERS);
	await inForce(generation + 1);
	expect(await denied()).toBe(false);
	publish(POLICY({ allow_shrink: false }), OTHERS);
	await inForce(generation + 2);
	publish(POLICY(), [NAMELESS4, ...OTHERS]);
	await inForce(generation + 3);
	expect(await denied()).toBe(true);
	await new Promise((resolve) => setTimeout(resolve, 2_000));
	expect((await status()).generation).toBe(generation + 3);
}, 120_000);

test("an empty list, then a cut one, is refused at its place, and the entries before stay in force", async () => {
	const { generation } = await status();
	publish(POLICY(), []);
	expect(await failure("has no entries")).toContain("/policy.yaml:");
	publish(POLICY(), OTHERS.slice(0, 4));
	expect(await failure("has 4 entries, and 10 of it are in force")).toContain("allow_shrink: true");
	expect((await status()).generation).toBe(generation);
	expect(await denied()).toBe(true);
	expect(await stage.metric("sallyport_policy_load_success")).toBe(0);
	expect(stage.daemon.log()).toContain("policy refused; the previous one stays in force");
}, 120_000);

test("a restart with the cut list keeps the entries in force; the policy can say that it is right", async () => {
	const { daemon } = stage;
	daemon.stop();
	await daemon.start();
	expect(await denied()).toBe(true);
	expect(await failure("has 4 entries, and 10 of it are in force")).toBeTruthy();
	const { generation } = await status();
	publish(POLICY({ allow_shrink: true }), OTHERS.slice(0, 4));
	await inForce(generation + 1);
	expect(await denied()).toBe(false);
	publish(POLICY({ allow_empty: true }), []);
	await inForce(generation + 2);
	expect((await daemon.ask("GET", "/readyz")).status).toBe(200);
}, 120_000);
