/** The daemon of an unpacked package: the process that checks policies starts from its bundle. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { has } from "../support/run.ts";
import { Stage } from "../support/stage.ts";

const able = has("dpkg-deb");
if (!able) console.warn("SKIPPED: no dpkg-deb, so the daemon of the package does not run");

let stage: Stage;
beforeAll(async () => {
	if (!able) return;
	stage = await Stage.make(policy(), { start: false });
	const { folder } = stage.world;
	const root = join(folder, "root");
	execFileSync(process.execPath, ["scripts/package/package.ts", "--quick", "--out", folder, "deb"], {
		cwd: ROOT,
		stdio: "ignore",
	});
	const deb = readdirSync(folder).find((file) => file.endsWith(".deb")) ?? "";
	execFileSync("dpkg-deb", ["--extract", join(folder, deb), root]);
	const lib = join(root, "usr/lib/sallyport");
	stage.daemon.program = [join(lib, "node"), join(lib, "lib/main.js")];
	await stage.daemon.start();
}, 300_000);
afterAll(() => stage?.close());

test.skipIf(!able)("policies of the file, of PUT and of check, with a list file", async () => {
	const { daemon, world } = stage;
	expect(existsSync(join(world.folder, "root/usr/lib/sallyport/lib/policy-child.js"))).toBe(true);
	writeFileSync(join(world.folder, "nets.txt"), "192.0.2.0/24\n198.51.100.0/24\n");
	const listed = policy({
		rules: [{ name: "nets", to: { cidr: "@nets" } }],
		more: { lists: { nets: { file: "nets.txt" } } },
	});
	const checked = await daemon.ask("POST", "/v1/policy/check", listed);
	expect(JSON.parse(checked.text)).toMatchObject({ ok: true, facts: { rules: 1, prefixes: 2 } });
	await daemon.put(listed);
	writeFileSync(daemon.policyFile, "version: 2\n");
	const refused = await daemon.ask("POST", "/v1/policy/reload");
	expect([refused.status, refused.text]).toEqual([422, expect.stringContaining("policy.yaml")]);
	writeFileSync(daemon.policyFile, policy({ rules: [] }));
	expect((await daemon.ask("POST", "/v1/policy/reload")).status).toBe(200);
	expect((await daemon.ask("GET", "/readyz")).status).toBe(200);
});
