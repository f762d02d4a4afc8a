/** `npm run bpf:stats`: verifier and JIT statistics of each program. */
import { HELP, KERNELS } from "../../scripts/help.mjs";
import { known, readOptions } from "../../scripts/options.ts";
import { CACHE } from "../vm/share.ts";
import { type Loaded, loadHere, loadInGuest, type Program } from "./measure.ts";

/** Limit of the verifier's processed instructions per program: the kernel's limit is 1,000,000 (BPF_COMPLEXITY_LIMIT_INSNS). */
const VERIFIED_MAX = 500_000;
/** Limit of a program's machine code [bytes], which shares the instruction cache with all other code. */
const JITED_MAX = 144 * 1024;
/** Limit of the time to load all programs [ms], which must not delay a boot. Not applied to an emulated CPU. */
const LOAD_MAX = 1000;

const { values } = readOptions(HELP["bpf:stats"], { kernel: { type: "string", multiple: true, default: [] } });
known("kernel", values.kernel, KERNELS);
if (values.kernel.length === 0) show(await loadHere(), LOAD_MAX);
for (const version of values.kernel) show(await loadInGuest(version, CACHE), null);

function show({ release, programs, all }: Loaded, loadMax: number | null): void {
	const width = Math.max(...programs.map(({ name }) => name.length), 8);
	const row = (...cells: readonly (string | number)[]) =>
		print(cells.map((cell, at) => (at === 0 ? `${cell}`.padEnd(width) : `${cell}`.padStart(14))).join(""));
	const sum = (of: (program: Program) => number) => programs.reduce((total, program) => total + of(program), 0);

	print(`Linux ${release}${loadMax === null ? ", emulated" : ""}`);
	row("program", "verified", "instructions", "jited bytes", "load ms");
	for (const { name, verified, instructions, jited, ms } of programs.toSorted((a, b) => b.verified - a.verified))
		row(name, verified, instructions, jited, ms.toFixed(1));
	const sums = [sum(({ verified }) => verified), sum(({ instructions }) => instructions), sum(({ jited }) => jited)];
	row("all at once", ...sums, all.toFixed(1));
	row("bounds", VERIFIED_MAX, "", JITED_MAX, loadMax ?? "");

	const beyond = [
		...programs.filter(({ verified }) => verified > VERIFIED_MAX).map(({ name }) => `${name}: verified instructions`),
		...programs.filter(({ jited }) => jited > JITED_MAX).map(({ name }) => `${name}: jited bytes`),
		...(loadMax === null || all <= loadMax ? [] : ["load time of all programs"]),
	];
	for (const what of beyond) print(`BEYOND ITS BOUND: ${what}`);
	if (beyond.length > 0) process.exitCode = 1;
}

function print(line: string): void {
	process.stdout.write(`${line}\n`);
}
