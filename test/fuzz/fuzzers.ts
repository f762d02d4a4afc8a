/** The fuzzers: a C file a parser, built with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/paths.ts";

const FOLDER = join(ROOT, "test/fuzz");
const BUILT = join(ROOT, "native/build/fuzz");
/** Inputs that once broke a check, kept as tests: parser-*. */
export const FOUND = join(FOLDER, "found");

export const PARSERS: readonly string[] = readdirSync(FOLDER)
	.filter((file) => file.endsWith(".c"))
	.map((file) => file.slice(0, -2))
	.sort();

/** Inputs that libFuzzer keeps from one run to the next. */
export function inputsOf(parser: string): string {
	return made(join(BUILT, `${parser}-inputs`));
}

export function foundBy(parser: string): string[] {
	return readdirSync(FOUND)
		.filter((file) => file.startsWith(`${parser}-`))
		.map((file) => join(FOUND, file));
}

/** Compiles it if its source or a parser has changed. Returns the program. */
export function buildFuzzer(parser: string): string {
	const program = join(made(BUILT), parser);
	const sources = [FOLDER, join(ROOT, "bpf")].flatMap((folder) =>
		readdirSync(folder).flatMap((file) => (/\.[ch]$/.test(file) ? [join(folder, file)] : [])),
	);
	const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
	if ((statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return program;
	const flags = [
		"-std=gnu11",
		"-O2",
		"-g",
		"-Wall",
		"-Wextra",
		"-Wno-unused-function",
		"-Wno-missing-field-initializers",
	];
	const checks = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"];
	execFileSync("clang", [...flags, ...checks, join(FOLDER, `${parser}.c`), "-o", program], { stdio: "inherit" });
	return program;
}

function made(folder: string): string {
	mkdirSync(folder, { recursive: true });
	return folder;
}
