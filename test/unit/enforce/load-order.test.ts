/** Policy loads run one after another, also when others arrive meanwhile. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonLogger } from "../../../src/base/logger.ts";
import { buildPolicy, layerPolicy } from "../../../src/enforce/build-policy.ts";
import { pack, unpack } from "../../../src/enforce/packed-policy.ts";
import { hostEnvironment } from "../../../src/enforce/policy-environment.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { covers } from "../../../src/policy/host-names.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const named = (name: string) =>
	`version: 1\ngroups:\n  - name: g\n    rules:\n      - { name: ${name}, action: allow }\n`;
const environment = () => hostEnvironment({ folder, uidOf: () => null, mountinfo: () => "" });

/** A policy service whose builds end when the test ends them. */
function slowService() {
	const kernel = new FakeKernel();
	const building: (() => void)[] = [];
	const policy = new PolicyService({
		kernel,
		async build(request) {
			await new Promise<void>((resolve) => building.push(resolve));
			return buildPolicy(request, environment());
		},
		layer: async (request) => layerPolicy(request),
		slots: new SlotBook(null),
		hashKey: [1, 2, 3, 4],
		generation: 0,
		forceObserve: false,
		keepGenerations: 8,
		log: jsonLogger(() => {}),
	});
	/** Ends `count` builds, each after it has begun. */
	const end = async (count: number) => {
		for (let ended = 0; ended < count; ended++) {
			await expect.poll(() => building.length).toBe(1);
			building.shift()?.();
		}
	};
	return { kernel, policy, building, end };
}

test("in the order in which they came, each with the generation after the one before", async () => {
	const { policy, kernel, building, end } = slowService();
	const loads = ["a", "b", "c"].map((name) => policy.load(named(name), "(api)", "api"));
	await expect.poll(() => building.length).toBe(1);
	expect(policy.generation).toBe(0);
	await end(3);
	expect((await Promise.all(loads)).map((each) => each.ok && each.policy.policy.rules[0]?.name)).toEqual([
		"a",
		"b",
		"c",
	]);
	expect(kernel.installed).toEqual([1, 2, 3]);
	expect(policy.names.ruleOf(2, 0, null)?.name).toBe("b");
});

test("the second of two loads that replace the same policy is refused", async () => {
	const { policy, end } = slowService();
	const replaces = (etag: string | null) => (current: { etag: string } | null) => (current?.etag ?? null) === etag;
	const [first, second] = ["a", "b"].map((name) => policy.load(named(name), "(api)", "api", replaces(null)));
	const refused = expect(second).rejects.toMatchObject({ name: "StaleError", etag: expect.stringMatching(/^"/) });
	await end(1);
	expect(await first).toMatchObject({ ok: true });
	await refused;
	expect(policy).toMatchObject({ generation: 1, healthy: true, counts: { loaded: 1, refused: 0 } });
});

test("several pending loads of the file become one, which reads its latest content", async () => {
	const { policy, kernel, building, end } = slowService();
	const file = join(folder, "p.yaml");
	writeFileSync(file, named("a"));
	const first = policy.loadFile(file);
	await expect.poll(() => building.length).toBe(1);
	const again = [policy.loadFile(file), policy.loadFile(file), policy.loadFile(file)];
	await end(1);
	await first;
	writeFileSync(file, named("b"));
	await end(1);
	await Promise.all(again);
	expect(kernel.installed).toEqual([1, 2]);
	expect(policy.current?.text).toBe(named("b"));
});

test("those that wait are bounded, and an end of the daemon is the end of them", async () => {
	const { policy, kernel, building } = slowService();
	const loads = Array.from({ length: 20 }, () => policy.load(named("a"), "(api)", "api"));
	const outcomes = Promise.allSettled(loads);
	await expect.poll(() => building.length).toBe(1);
	policy.close();
	const drained = setInterval(() => building.shift()?.(), 1);
	const reasons = (await outcomes).map((each) => (each.status === "rejected" ? String(each.reason) : "loaded"));
	clearInterval(drained);
	expect(reasons.filter((each) => each.startsWith("BusyError"))).toHaveLength(12);
	expect(reasons).not.toContain("loaded");
	expect(kernel.installed).toEqual([]);
	expect(policy.counts).toEqual({ loaded: 0, refused: 0 });
});

test("a list of many names crosses as one text, and is the same list behind it", () => {
	const names = Array.from({ length: 5_000 }, (_, index) => `host${index}.example.com`);
	writeFileSync(join(folder, "names.txt"), names.join("\n"));
	const rule = (name: string, more: string) =>
		`      - { name: ${name}, action: allow, to: { domain: ["@many", ${more}] } }\n`;
	const text = `version: 1\nlists: { many: { file: names.txt } }\ngroups:\n  - name: g\n    rules:\n${rule("x", '"*.a.example"')}${rule("y", "b.example")}`;
	const parsed = parsePolicy(text, "p.yaml", environment());
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	const packed = structuredClone(pack(parsed.policy));
	expect(JSON.stringify(packed).match(/host4999/g)).toHaveLength(2);
	const [x, y] = unpack(packed).rules;
	expect([x?.to.domain?.flat(), y?.to.domain?.flat()]).toEqual(parsed.policy.rules.map(({ to }) => to.domain?.flat()));
	expect(x?.to.domain?.find((list) => list.length > 1)).toBe(y?.to.domain?.find((list) => list.length > 1));
	expect(covers(x?.to.domain ?? [], "host4321.example.com")).toBe(true);
});
