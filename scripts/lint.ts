/** npm run lint, and with --write npm run format. A linter that is not installed is reported; with CI=true that is a failure. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { NODE, ROOT } from "./command.mjs";
import { inCi } from "./levels.ts";
import { misuse } from "./options.ts";

/** clang-format 14 is Debian 12's. Other versions break lines elsewhere. */
const CLANG_FORMAT = { names: ["clang-format-14", "clang-format"], version: /version 14\./ };
const C_SOURCES = ["{bpf,native,test}/**/*.{c,cc,h}"];
const SHELL_SOURCES = ["scripts/**/*", "systemd/*", "test/**/*", ".ci/*"];

const write = process.argv[2] === "--write";
if (!write && process.argv.length > 2) misuse(`"${process.argv[2]}" is one argument too many`);
process.exitCode = biome() + clangFormat() + shellcheck() === 0 ? 0 : 1;

function biome(): number {
	return run(NODE, ["node_modules/.bin/biome", "check", "--error-on-warnings", ...(write ? ["--write"] : [])]);
}

function clangFormat(): number {
	if (!existsSync(`${ROOT}/.clang-format`)) return 0;
	const program = CLANG_FORMAT.names.find((name) => CLANG_FORMAT.version.test(output(name, "--version")));
	if (program === undefined) return leftOut("clang-format 14");
	return run(program, [...(write ? ["-i"] : ["--dry-run", "-Werror"]), ...filesOf(C_SOURCES)]);
}

/** Reports only: shellcheck rewrites nothing. */
function shellcheck(): number {
	if (write) return 0;
	if (output("shellcheck", "--version") === "") return leftOut("shellcheck");
	const scripts = filesOf(SHELL_SOURCES).filter((file) => /^#!.*\b(ba|da)?sh\b/.test(firstLine(file)));
	return run("shellcheck", ["--severity=warning", ...scripts]);
}

function leftOut(linter: string): number {
	process.stdout.write(`Left out: ${linter} is not installed.\n`);
	return inCi() ? 1 : 0;
}

function filesOf(patterns: readonly string[]): string[] {
	const files = globSync(patterns, { cwd: ROOT, withFileTypes: true, exclude: (file) => file.name === "build" });
	return files.filter((file) => file.isFile()).map((file) => `${file.parentPath}/${file.name}`);
}

function firstLine(file: string): string {
	return readFileSync(file, "latin1").split("\n", 1)[0] ?? "";
}

function output(command: string, ...args: string[]): string {
	return spawnSync(command, args, { encoding: "utf8" }).stdout ?? "";
}

function run(command: string, args: readonly string[]): number {
	return spawnSync(command, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1;
}
