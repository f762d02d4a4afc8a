import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LastGood, movedExe, readLastGood, saveLastGood } from "../../../src/enforce/last-good.ts";

const EXE = { dev: 5, path: "/bin/curl", written: "/usr/bin/curl" };
const POLICY: LastGood = {
	rows: Buffer.from("rows\nwith a newline"),
	generation: 4,
	source: "/etc/sallyport/policy.yaml",
	mode: "enforce",
	rules: 2,
	resolvers: ["192.0.2.53"],
	search: ["corp.test"],
	exes: [EXE],
	savedAt: "2026-11-22T00:00:00.000Z",
	clock: { bootId: "b", offset: 5_000 },
};

let folder: string;
let file: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	file = join(folder, "state", "last-good");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a stored policy is restored completely", () => {
	saveLastGood(file, POLICY);
	expect(readLastGood(file).found).toMatchObject(POLICY);
});

test("none, cut short, changed, of another layout or no file of ours: none, and why", () => {
	expect(readLastGood(file)).toMatchObject({ found: null, why: "no policy has been saved yet" });
	saveLastGood(file, POLICY);
	const bytes = readFileSync(file);
	const damage = (to: Buffer | string) => {
		writeFileSync(file, to);
		return readLastGood(file).why;
	};
	expect(damage(bytes.subarray(0, -1))).toContain("damaged");
	expect(damage(bytes.subarray(0, 20))).toContain("damaged");
	expect(damage(Buffer.concat([bytes.subarray(0, -1), Buffer.from("X")]))).toContain("damaged");
	expect(damage("")).toContain("damaged");
	expect(damage(bytes.toString("latin1").replace(/"layout":\d+/, '"layout":999'))).toContain("another version");
});

test("a program whose device has another number since the boot is seen", () => {
	expect(movedExe(POLICY, () => [{ dev: 5, path: "/bin/curl" }])).toBeNull();
	expect(movedExe(POLICY, () => [{ dev: 6, path: "/bin/curl" }])).toBe("/usr/bin/curl");
	expect(movedExe(POLICY, () => [])).toBe("/usr/bin/curl");
	expect(movedExe({ exes: [] }, () => [])).toBeNull();
});
