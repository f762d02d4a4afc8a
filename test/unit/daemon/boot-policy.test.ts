/** The policy for the next boot: that of the file, with the overlays that stay over a reboot. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonLogger } from "../../../src/base/logger.ts";
import { BootPolicy } from "../../../src/daemon/boot-policy.ts";
import { recordOverlays } from "../../../src/daemon/keep-history.ts";
import { lastGoodFile, readLastGood, rowsForThisBoot } from "../../../src/enforce/last-good.ts";
import { POLICY_HEAD } from "../../../src/native/layout.ts";
import type { PolicyChange } from "../../../src/records/contract.ts";
import { CompiledPolicy } from "../policy/lookup.ts";
import { OverlayStage, POLICY } from "../support/overlay-stage.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rule = (port: number) => ({ name: `p${port}`, action: "allow", to: { ports: port } });
const CONNECTION = {
	...{ phase: "connect" as const, address: "10.0.0.1", protocol: 6, learned: [], name: null, trustedResolver: false },
	...{ dnsMessage: false, who: { exe: null, uid: 0, cgroup: "a" } },
} as const;

async function booting(): Promise<{ stage: OverlayStage; saved: () => Promise<Buffer> }> {
	const stage = new OverlayStage();
	const { kernel, overlays, service } = stage;
	const log = jsonLogger(() => {});
	const boot = new BootPolicy({ kernel, policy: service, overlays, stateDir: folder, log });
	let last = Promise.resolve();
	service.watch({
		loaded: (inForce, cause) => {
			last = boot.loaded(inForce, cause);
		},
	});
	await stage.begin();
	const saved = async () => {
		await last;
		const { found, why } = readLastGood(lastGoodFile(folder));
		if (found === null) throw new Error(why);
		return Buffer.from(found.rows);
	};
	return { stage, saved };
}

const allows = (rows: Uint8Array, port: number, now = 0) =>
	new CompiledPolicy(rows, now).decide({ ...CONNECTION, port }).action === "allow";

test("it has the overlays with keep only, as they come and go", async () => {
	const { stage, saved } = await booting();
	expect(allows(await saved(), 1)).toBe(false);
	await stage.overlays.create({ name: "short", rules: [rule(1)] }, "test");
	await stage.overlays.create({ name: "kept", keep: true, rules: [rule(2)] }, "test");
	expect([allows(await saved(), 1), allows(await saved(), 2)]).toEqual([false, true]);
	expect(allows(stage.kernel.policy ?? Buffer.alloc(0), 1), "in force").toBe(true);
	await stage.overlays.remove("kept", "test", () => true);
	expect(allows(await saved(), 2)).toBe(false);
	await stage.service.load(
		`${POLICY}  - { name: h, rules: [{ name: r, action: allow, to: { ports: 3 } }] }\n`,
		"p",
		"file",
	);
	expect([allows(await saved(), 1), allows(await saved(), 3)]).toEqual([false, true]);
});

test("a policy from the API is not for the next boot", async () => {
	const { stage, saved } = await booting();
	const before = await saved();
	await stage.service.load("version: 1\ngroups: []\n", "(api)", "api");
	await stage.overlays.create({ name: "kept", keep: true, rules: [rule(2)] }, "test");
	expect(await saved()).toEqual(before);
});

test("another boot counts ends from its own start, and the same boot leaves them", async () => {
	const { stage, saved } = await booting();
	await stage.overlays.create({ name: "kept", keep: true, for: "10m", rules: [rule(2)] }, "test");
	const end = (rows: Buffer) => Number(rows.readBigUInt64LE(POLICY_HEAD.firstEnd) / 1_000_000n);
	const clock = { bootId: "first", offset: 1_000_000 };
	expect(end(await saved())).toBe(601_000);
	expect(end(rowsForThisBoot({ rows: await saved(), clock }, { bootId: "first", offset: 5 }))).toBe(601_000);
	/* The next boot began 400 s after this one. */
	const rows = rowsForThisBoot({ rows: await saved(), clock }, { bootId: "second", offset: 1_400_000 });
	expect(end(rows)).toBe(201_000);
	expect([allows(rows, 2, 200_000), allows(rows, 2, 201_000)]).toEqual([true, false]);
	/* The end has passed while the host was off. */
	const late = rowsForThisBoot({ rows: await saved(), clock }, { bootId: "third", offset: 9_000_000 });
	expect(allows(late, 2, 10)).toBe(false);
});

test("each change is in the history with who made it, from the first one after the start", async () => {
	const { stage } = await booting();
	const changes: PolicyChange[] = [];
	const history = { recordPolicyChange: (change: PolicyChange) => void changes.push(change) };
	recordOverlays(stage.overlays, stage.service, history);
	await stage.overlays.create({ name: "o", reason: "why", owner: "alice", rules: [rule(1)] }, "uid:1000");
	await stage.overlays.remove("o", "uid:0", () => true);
	expect(changes).toMatchObject([
		{
			origin: "overlay",
			mode: "enforce",
			loaded: true,
			generation: 2,
			source: "overlay o created by uid:1000; owner alice: why",
		},
		{ origin: "overlay", generation: 3, source: "overlay o revoked by uid:0; owner alice: why" },
	]);
	expect(JSON.parse(changes[0]?.text ?? "")).toMatchObject({ change: "created", by: "uid:1000", rules: [rule(1)] });
});
