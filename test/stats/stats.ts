/** `npm run bpf:stats`: what the verifier and the JIT make of each program on this kernel. Ends with 1 beyond the bounds. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/paths.ts";

/** Instructions that the verifier processes of one program: it gives up at 1,000,000 (BPF_COMPLEXITY_LIMIT_INSNS). */
const VERIFIED_MAX = 500_000;
/** Bytes of machine code of one program: what stays in the caches beside everything else. */
const JITED_MAX = 128 * 1024;
/** Milliseconds for all programs, one after another: a boot must not wait for them. */
const LOAD_MAX = 1000;

interface Program {
	readonly name: string;
	readonly verified: number;
	readonly instructions: number;
	readonly jited: number;
	readonly ms: number;
}

const lines = measure();
const programs = lines.filter((line): line is Program => line.name !== null);
const all = lines.find(({ name }) => name === null)?.ms ?? Number.NaN;
const width = Math.max(...programs.map(({ name }) => name.length), 8);
const row = (...cells: readonly (string | number)[]) =>
	process.stdout.write(
		`${cells.map((cell, at) => (at === 0 ? `${cell}`.padEnd(width) : `${cell}`.padStart(14))).join("")}\n`,
	);

process.stdout.write(`Linux ${release()}\n`);
row("program", "verified", "instructions", "jited bytes", "load ms");
for (const { name, verified, instructions, jited, ms } of programs.sort((a, b) => b.verified - a.verified))
	row(name, verified, instructions, jited, ms.toFixed(1));
row(
	"all at once",
	sum(({ verified }) => verified),
	sum(({ instructions }) => instructions),
	sum(({ jited }) => jited),
	all.toFixed(1),
);
row("bounds", VERIFIED_MAX, "", JITED_MAX, LOAD_MAX);

const beyond = [
	...programs.filter(({ verified }) => verified > VERIFIED_MAX).map(({ name }) => `${name}: verified instructions`),
	...programs.filter(({ jited }) => jited > JITED_MAX).map(({ name }) => `${name}: jited bytes`),
	...(all <= LOAD_MAX ? [] : ["load time of all programs"]),
];
for (const what of beyond) process.stdout.write(`BEYOND ITS BOUND: ${what}\n`);
if (beyond.length > 0) process.exitCode = 1;

function sum(of: (program: Program) => number): number {
	return programs.reduce((total, program) => total + of(program), 0);
}

function measure(): (Program | { readonly name: null; readonly ms: number })[] {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-stats-"));
	try {
		const program = join(folder, "load");
		execFileSync("cc", ["-O1", "-Wall", join(import.meta.dirname, "load.c"), "-o", program, "-lbpf"], {
			stdio: "inherit",
		});
		const output = execFileSync(program, [join(ROOT, "native/build/sallyport.bpf.o")], { encoding: "utf8" });
		return output
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line));
	} finally {
		rmSync(folder, { recursive: true });
	}
}
