/** The commands for developers, asked wrongly: nothing begins. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { ROOT } from "../support/paths.ts";

const FILES: Readonly<Record<string, string>> = {
	bench: "test/bench/bench.ts",
	fuzz: "test/fuzz/fuzz.ts",
	"bpf:stats": "test/stats/stats.ts",
	package: "scripts/package/package.ts",
	"test:arm64": "test/vm/arm64.ts",
	"test:bypass": "test/bypass/bypass.ts",
	"test:corpus": "test/corpus/corpus.ts",
	"test:spawn": "test/vm/spawn.ts",
	"test:vm": "test/vm/run.ts",
};

function run(file: string, ...args: readonly string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, file), ...args], { encoding: "utf8" });
	return { status, stdout, stderr };
}

test.each(Object.entries(FILES))("npm run %s: --help, and an option that it does not know", (name, file) => {
	expect(Object.keys(packageJson.scripts)).toContain(name);
	expect(run(file, "--help")).toEqual({
		status: 0,
		stdout: expect.stringMatching(`^npm run ${name}\\b`),
		stderr: "",
	});
	expect(run(file, "--nosuch")).toEqual({ status: 2, stdout: "", stderr: expect.stringContaining("nosuch") });
});

test.each([
	["bench", ["--only", "P99"], 'There is no goal "P99": P1, P4'],
	["bench", ["P1"], '"P1" is one argument too many.'],
	["fuzz", ["--seconds", "soon"], '--seconds is a number above 0, not "soon".'],
	["fuzz", ["--parser", "ftp"], 'There is no parser "ftp": dns'],
	["package", ["zip"], 'There is no package "zip": deb'],
	["test:bypass", ["Z9"], 'There is no row whose id begins with "Z9".'],
	["test:spawn", ["--only", "nothing"], 'There is no part "nothing": install'],
	["test:spawn", ["--minutes"], "'--minutes <value>' argument missing."],
	["test:vm", ["--kernel", "5.4"], 'There is no kernel "5.4": 6.1, 6.12.'],
])("npm run %s -- %s", (name, args, said) => {
	const { status, stdout, stderr } = run(FILES[name] ?? "", ...args);
	expect(stderr).toContain(said);
	expect([status, stdout]).toEqual([2, ""]);
});
