/** The developers' commands: help, wrong arguments and an old Node are reported before anything is installed or begun. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { isBuilt } from "../../scripts/build.mjs";
import { HELP, KERNELS } from "../../scripts/help.mjs";
import { TARGETS } from "../../scripts/targets.mjs";
import { able } from "../support/able.ts";
import { ROOT } from "../support/paths.ts";

/** Commands with options, by npm script. */
const FILES: Readonly<Record<string, string>> = {
	bench: "test/bench/bench.ts",
	demo: "test/demo/demo.ts",
	fuzz: "test/fuzz/fuzz.ts",
	"bpf:stats": "test/stats/stats.ts",
	package: "scripts/package/package.ts",
	"test:arm64": "test/vm/arm64.ts",
	"test:bypass": "test/bypass/bypass.ts",
	"test:corpus": "test/corpus/corpus.ts",
	"test:spawn": "test/vm/spawn.ts",
	"test:vm": "test/vm/run.ts",
};

/** Commands that load the addon with their first import. */
const WITH_ADDON = ["bench", "test:corpus"];
const hasAddon = able(
	isBuilt() ? null : `The addon is not built, so arguments of ${WITH_ADDON.join(", ")} are not tested.`,
);
const isAble = (name: string) => hasAddon || !WITH_ADDON.includes(name);

let bare: string;

beforeAll(() => {
	bare = mkdtempSync(join(tmpdir(), "sallyport-bare-"));
	for (const part of ["package.json", "package-lock.json", "scripts", "test/fuzz", "test/vm/guest/rows"])
		cpSync(join(ROOT, part), join(bare, part), { recursive: true });
});
afterAll(() => rmSync(bare, { recursive: true }));

function run(...args: readonly string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
	return { status, stdout, stderr };
}

test("every npm script has a target and help, and the reverse", () => {
	const scripts = Object.entries(packageJson.scripts);
	for (const [name, command] of scripts) expect(command).toBe(`exec node scripts/run.mjs ${name}`);
	const names = scripts.map(([name]) => name).sort();
	expect(Object.keys(TARGETS).sort()).toEqual(names);
	expect(Object.keys(HELP).sort()).toEqual(names);
});

test.each(Object.keys(TARGETS))("%s: --help in a fresh checkout installs nothing", (name) => {
	const before = readdirSync(bare);
	const first = name === "start" || name === "test" ? `npm ${name}` : `npm run ${name}`;
	const beginning = new RegExp(`^${first}( \\[.*\\])? {5}\\S`);
	for (const flag of ["--help", "-h"])
		expect(run(join(bare, "scripts/run.mjs"), name, flag)).toEqual({
			status: 0,
			stdout: expect.stringMatching(beginning),
			stderr: "",
		});
	expect(readdirSync(bare)).toEqual(before);
});

test("a Node that is too old, even for the syntax of other files, is reported in one line with the version needed", () => {
	const preload = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.8"}})`;
	const entry = join(bare, "scripts/run.mjs");
	const { status, stdout, stderr } = run(
		"--import",
		`data:text/javascript,${encodeURIComponent(preload)}`,
		entry,
		"start",
	);
	expect([status, stdout]).toEqual([1, ""]);
	expect(stderr).toMatch(/^.* need Node 20\.17 or later and this is Node 18\.20\.8: .*\n$/);
	const imports = [...readFileSync(entry, "utf8").matchAll(/^import .*from "(.*)"/gm)].map(([, module]) => module);
	expect(imports, "loaded before the version is checked").toEqual(["node:fs"]);
});

test("an unknown target is reported with those that exist", () => {
	expect(run(join(ROOT, "scripts/run.mjs"), "nosuch")).toEqual({
		status: 1,
		stdout: "",
		stderr: `There is no target nosuch: ${Object.keys(TARGETS).join(", ")}.\n`,
	});
});

const ABLE = Object.entries(FILES).filter(([name]) => isAble(name));
test.each(ABLE)("npm run %s: --help, and an unknown option", (name, file) => {
	expect(run(join(ROOT, file), "--help")).toEqual({ status: 0, stdout: `${HELP[name]?.trim()}\n`, stderr: "" });
	expect(run(join(ROOT, file), "--nosuch")).toEqual({
		status: 2,
		stdout: "",
		stderr: expect.stringContaining("nosuch"),
	});
});

const WRONG: readonly (readonly [name: string, args: readonly string[], message: string])[] = [
	["bench", ["--only", "P99"], 'There is no goal "P99": P1, P2'],
	["bench", ["P1"], '"P1" is one argument too many.'],
	["demo", ["fast"], '"fast" is one argument too many.'],
	["fuzz", ["--seconds", "soon"], '--seconds is a number above 0, not "soon".'],
	["fuzz", ["--parser", "ftp"], 'There is no parser "ftp": dns'],
	["package", ["zip"], 'There is no package "zip": deb'],
	["test:bypass", ["Z9"], 'There is no row whose id begins with "Z9".'],
	["test:spawn", ["--only", "nothing"], 'There is no part "nothing": install'],
	["test:spawn", ["--minutes"], "'--minutes <value>' argument missing."],
	["test:vm", ["--kernel", "5.4"], `There is no kernel "5.4": ${KERNELS.join(", ")}.`],
];
test.each(WRONG.filter(([name]) => isAble(name)))("npm run %s -- %s", (name, args, message) => {
	const { status, stdout, stderr } = run(join(ROOT, FILES[name] ?? ""), ...args);
	expect(stderr).toContain(message);
	expect([status, stdout]).toEqual([2, ""]);
});
