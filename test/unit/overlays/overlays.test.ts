import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { POLICY_HEAD } from "../../../src/native/layout.ts";
import { overlayFile, readOverlays, saveOverlays } from "../../../src/overlays/overlay-file.ts";
import type { OverlayRecord } from "../../../src/overlays/overlay-record.ts";
import { restoreOverlays } from "../../../src/overlays/restore-overlays.ts";
import { worldEnvironment } from "../policy/world.ts";
import { NOW, OverlayStage } from "../support/overlay-stage.ts";

let folder: string;
let file: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	file = overlayFile(join(folder, "state"));
	vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
	vi.useRealTimers();
	rmSync(folder, { recursive: true, force: true });
});

const RULES = [{ name: "r", action: "allow", to: { ports: 443 } }];
const names = (stage: OverlayStage) => stage.overlays.list().map(({ record }) => record.name);
const any = () => true;

test("an overlay ends: it is gone at once, then from the policy, the file and with a record of it", async () => {
	const stage = await new OverlayStage({ file }).begin();
	await stage.overlays.create({ name: "short", for: "2s", rules: RULES }, "test");
	await stage.overlays.create({ name: "long", for: "1h", rules: [{ ...RULES[0], name: "s" }] }, "test");
	expect(stage.kernel.policy?.readBigUInt64LE(POLICY_HEAD.firstEnd)).toBe(3_000_000_000n);
	expect(stage.overlays.nextEnd).toBe(3_000);
	stage.elapsed = 3_000;
	expect(names(stage)).toEqual(["long"]);
	await vi.advanceTimersByTimeAsync(2_100);
	expect(stage.groups()).toEqual(["g/smtp", "@long/s"]);
	expect(stage.changes.map(({ change, by, record }) => `${record.name} ${change} ${by}`)).toEqual([
		...["short created test", "long created test", "short ended null"],
	]);
	expect(readOverlays(file)?.overlays.map(({ name }) => name)).toEqual(["long"]);
});

test("an end that passed during a suspend is seen soon after it, although the timer stood still", async () => {
	const stage = await new OverlayStage().begin();
	await stage.overlays.create({ name: "o", for: "1h", rules: RULES }, "test");
	stage.elapsed += 3_600_000;
	await vi.advanceTimersByTimeAsync(5_100);
	expect(stage.groups()).toEqual(["g/smtp"]);
});

test("overlays outlive the daemon; a reload of the policy keeps them", async () => {
	const before = await new OverlayStage({ file }).begin();
	await before.overlays.create({ name: "o", for: "1h", reason: "why", rules: RULES }, "test");
	before.overlays.close();
	const saved = readOverlays(file);
	if (saved === null) throw new Error("nothing was saved");
	const clock = { bootId: () => "boot-1", bootTime: () => 60_000, now: () => NOW };
	const after = new OverlayStage({ file, restored: restoreOverlays(saved, worldEnvironment, clock) });
	await after.begin();
	expect(after.kernel.installed).toHaveLength(1);
	expect(after.groups()).toEqual(["g/smtp", "@o/r"]);
	expect(after.overlays.get("o")?.record).toMatchObject({ reason: "why", end: 3_601_000 });
	await after.service.load("version: 1\ngroups: []\n", "policy.yaml", "file");
	expect(after.groups()).toEqual(["@o/r"]);
	await after.service.load("version: 2\n", "policy.yaml", "file");
	expect(after.groups()).toEqual(["@o/r"]);
});

const RECORD: OverlayRecord = {
	...{ name: "o", owner: "a", reason: "", scope: null, createdAt: "", changedAt: "", keep: false, rules: RULES },
	...{ until: new Date(NOW + 60_000).toISOString(), end: 5_000_000 },
};

test("a reboot drops overlays, but keeps those with keep, whose end follows the wall clock", () => {
	const some = [
		RECORD,
		{ ...RECORD, name: "k", keep: true },
		{ ...RECORD, name: "f", keep: true, until: null, end: null },
	];
	const saved = { bootId: "boot-1", overlays: some };
	const at = (bootId: string, bootTime: number, now: number) => {
		const clock = { bootId: () => bootId, bootTime: () => bootTime, now: () => now };
		const { entries, removed } = restoreOverlays(saved, worldEnvironment, clock);
		return [
			entries.map(({ record }) => [record.name, record.end]),
			removed.map((each) => [each.record.name, each.change]),
		];
	};
	expect(at("boot-1", 1_000, NOW)).toEqual([
		[
			["o", 5_000_000],
			["k", 5_000_000],
			["f", null],
		],
		[],
	]);
	expect(at("boot-1", 5_000_000, NOW)).toEqual([
		[["f", null]],
		[
			["o", "ended"],
			["k", "ended"],
		],
	]);
	expect(at("boot-2", 1_000, NOW)).toEqual([
		[
			["k", 61_000],
			["f", null],
		],
		[["o", "dropped"]],
	]);
	expect(at("boot-2", 9_000_000, NOW + 60_000)).toEqual([
		[["f", null]],
		[
			["o", "ended"],
			["k", "ended"],
		],
	]);
});

test("a saved overlay whose rules are no longer valid is listed with the cause, and not in force", async () => {
	const rules = [{ name: "r", action: "allow", from: { user: "gone" } }];
	const saved = { bootId: "boot-1", overlays: [{ ...RECORD, rules }] };
	const clock = { bootId: () => "boot-1", bootTime: () => 0, now: () => NOW };
	const stage = await new OverlayStage({ restored: restoreOverlays(saved, worldEnvironment, clock) }).begin();
	expect(stage.overlays.get("o")).toMatchObject({ overlay: null, problem: expect.stringContaining('no user "gone"') });
	expect(stage.groups()).toEqual(["g/smtp"]);
	await stage.overlays.remove("o", "test", any);
	expect(names(stage)).toEqual([]);
});

test("the file is replaced as a whole; a damaged one is reported and not guessed", () => {
	expect(readOverlays(file)).toBeNull();
	const saved = { bootId: "b", overlays: [RECORD] };
	saveOverlays(file, saved);
	expect(readOverlays(file)).toEqual(saved);
	const text = readFileSync(file, "utf8");
	for (const damage of [text.slice(0, -10), "{}", text.replace('"keep": false', '"keep": 1')]) {
		writeFileSync(file, damage);
		expect(() => readOverlays(file)).toThrow("damaged");
	}
});

test("a file that cannot be written changes nothing in force, and is reported", async () => {
	writeFileSync(join(folder, "state"), "a file where the folder would be");
	const stage = await new OverlayStage({ file }).begin();
	await stage.overlays.create({ name: "o", rules: RULES }, "test");
	expect(stage.groups()).toContain("@o/r");
	expect(stage.overlays.problem).toContain("cannot be saved");
});

test("above a policy of an earlier daemon nothing is put; an end is still noticed", async () => {
	const saved = { bootId: "boot-1", overlays: [{ ...RECORD, end: 2_000 }] };
	const clock = { bootId: () => "boot-1", bootTime: () => 0, now: () => NOW };
	const restored = restoreOverlays(saved, worldEnvironment, clock);
	const stage = await new OverlayStage({ policy: null, restored }).begin();
	await expect(stage.overlays.create({ name: "p", rules: RULES }, "test")).rejects.toThrow("earlier daemon");
	await expect(stage.overlays.remove("o", "test", any)).rejects.toThrow("earlier daemon");
	expect(names(stage)).toEqual(["o"]);
	stage.elapsed = 2_000;
	await vi.advanceTimersByTimeAsync(5_100);
	expect(names(stage)).toEqual([]);
	expect(stage.changes.map(({ change }) => change)).toEqual(["ended"]);
});

test("hundreds at once are compiled together, and one beyond a limit keeps no other out", async () => {
	const stage = await new OverlayStage().begin();
	const one = (i: number) => stage.overlays.create({ name: `o${i}`, rules: RULES }, "test");
	await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)));
	expect(stage.layered).toBeLessThan(5);
	expect(names(stage)).toHaveLength(200);
	const many = Array.from({ length: 900 }, (_, i) => ({ name: `r${i}`, action: "allow", to: { ports: i + 1 } }));
	const results = await Promise.allSettled([
		...[one(200), stage.overlays.create({ name: "many", rules: many }, "test"), one(201)],
		stage.overlays.remove("o7", "test", any),
	]);
	expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
	expect(names(stage)).toHaveLength(201);
	expect(stage.groups()).toHaveLength(202);
});

test("of two changes with the same ETag only the first one is made", async () => {
	const stage = await new OverlayStage().begin();
	const { etag } = await stage.overlays.create({ name: "o", rules: RULES }, "test");
	const change = (reason: string) =>
		stage.overlays.change("o", { reason, rules: RULES }, "test", (current) => current === etag);
	const results = await Promise.allSettled([change("first"), change("second")]);
	expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
	expect(stage.overlays.get("o")?.record.reason).toBe("first");
});
