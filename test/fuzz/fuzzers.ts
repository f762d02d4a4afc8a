/** The fuzzers: one C file per parser, built for libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/paths.ts";

const FOLDER = join(ROOT, "test/fuzz");
const DRIVER = join(FOLDER, "driver");
const BUILT = join(ROOT, "native/build/fuzz");
const FLAGS = [
	"-std=gnu11",
	"-O2",
	"-g",
	"-Wall",
	"-Wextra",
	"-Wno-unused-function",
	"-Wno-missing-field-initializers",
];
const SANITIZERS = ["-fsanitize=address,undefined"];
/** Inputs that failed a check in the past, kept as regression tests: parser-*. */
export const FOUND = join(FOLDER, "found");

export const PARSERS: readonly string[] = readdirSync(FOLDER)
	.filter((file) => file.endsWith(".c"))
	.map((file) => file.slice(0, -2))
	.sort();

/** libFuzzer's output of the last run. */
export function logOf(parser: string): string {
	return join(made(BUILT), `${parser}.log`);
}

/** libFuzzer's corpus, kept between runs. */
export function inputsOf(parser: string): string {
	return made(join(BUILT, `${parser}-inputs`));
}

export function foundBy(parser: string): string[] {
	return readdirSync(FOUND)
		.filter((file) => file.startsWith(`${parser}-`))
		.map((file) => join(FOUND, file));
}

/** Compiles a fuzzer if its source or a parser has changed. Returns the program's path. */
export function buildFuzzer(parser: string): string {
	const program = join(made(BUILT), parser);
	const sources = [FOLDER, join(ROOT, "bpf")].flatMap((folder) =>
		readdirSync(folder, { encoding: "utf8", recursive: true }).flatMap((file) =>
			/\.([ch]|txt)$/.test(file) ? [join(folder, file)] : [],
		),
	);
	const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
	if ((statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return program;
	const objects = [
		compile(parser, "checked", [...SANITIZERS, "-fno-sanitize-recover=all"]),
		compile(parser, "observed", [
			"-fsanitize=fuzzer-no-link",
			`-fsanitize-coverage-ignorelist=${join(DRIVER, "unobserved.txt")}`,
		]),
	];
	run("clang", [...FLAGS, "-fsanitize=fuzzer", ...SANITIZERS, join(DRIVER, "driver.c"), ...objects, "-o", program]);
	return program;
}

/** One of the two builds of a parser's target (driver/driver.c). Returns the object, which exports only the target. */
function compile(parser: string, build: "checked" | "observed", flags: readonly string[]): string {
	const object = join(BUILT, `${parser}-${build}.o`);
	const target = `fuzz_${build}`;
	run("clang", [...FLAGS, ...flags, `-DFUZZ_TARGET=${target}`, "-c", join(FOLDER, `${parser}.c`), "-o", object]);
	run("objcopy", [`--keep-global-symbol=${target}`, object]);
	return object;
}

function run(program: string, args: readonly string[]): void {
	execFileSync(program, args, { stdio: "inherit" });
}

function made(folder: string): string {
	mkdirSync(folder, { recursive: true });
	return folder;
}
