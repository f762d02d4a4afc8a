/** Verifier and JIT statistics of each program, measured by load.c on this kernel or on another. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/paths.ts";
import { makeImage } from "../vm/image.ts";
import { fetchKernel } from "../vm/kernels.ts";
import { boot } from "../vm/machine.ts";

const OBJECT = join(ROOT, "native/build/sallyport.bpf.o");
/** Time limit of a guest [s]: its CPU is emulated, and every program is loaded twice. */
const PATIENCE = 1200;

export interface Program {
	readonly name: string;
	readonly verified: number;
	readonly instructions: number;
	/** [bytes] */
	readonly jited: number;
	readonly ms: number;
}

export interface Loaded {
	readonly release: string;
	readonly programs: readonly Program[];
	/** Time to load all programs together [ms]. */
	readonly all: number;
}

export function loadHere(): Promise<Loaded> {
	return inFolder(async (folder) => {
		const output = execFileSync(makeLoader(folder), [OBJECT], { encoding: "utf8" });
		return read(release(), output.trim().split("\n"));
	});
}

/** Measures in a virtual machine with Debian's kernel of this version. Throws the kernel's message if it refuses a program. */
export function loadInGuest(version: string, cache: string): Promise<Loaded> {
	return inFolder(async (folder) => {
		const kernel = fetchKernel(version, cache);
		const image = makeImage(kernel, cache);
		makeLoader(folder, ["-static", "-lelf", "-lz"]); // a guest has no libbpf
		copyFileSync(OBJECT, join(folder, "sallyport.bpf.o"));
		const lines: string[] = [];
		const code = await boot({
			...{ kernel, image, seconds: PATIENCE, share: folder },
			disk: join(folder, "disk"),
			capture: join(folder, "capture"),
			command: "cd /mnt/host && ./load sallyport.bpf.o",
			onLine: (line) => lines.push(line),
		});
		if (code !== 0) throw new Error(`Linux ${kernel.release} does not load it (${code}):\n${lines.join("\n")}`);
		return read(kernel.release, lines);
	});
}

function makeLoader(folder: string, flags: readonly string[] = []): string {
	const program = join(folder, "load");
	const source = join(import.meta.dirname, "load.c");
	execFileSync("cc", ["-O1", "-Wall", source, "-o", program, "-lbpf", ...flags], { stdio: "inherit" });
	return program;
}

function read(kernel: string, lines: readonly string[]): Loaded {
	const results = lines.map((line): Program | { readonly name: null; readonly ms: number } => JSON.parse(line));
	const programs = results.filter((each): each is Program => each.name !== null);
	return { release: kernel, programs, all: results.find(({ name }) => name === null)?.ms ?? Number.NaN };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-stats-"));
	try {
		return await work(folder);
	} finally {
		rmSync(folder, { recursive: true });
	}
}
