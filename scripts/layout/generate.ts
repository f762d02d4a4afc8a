/**
 * Writes the files that are generated from the BTF of the BPF object. scripts/build.mjs runs it after each build. The
 * files are checked in, so that a fresh clone passes the type check before its first build. With CI=true a file that
 * differs is an error.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readBtf } from "./btf.ts";
import { eventViewsText } from "./event-views.ts";
import { numbersText } from "./numbers.ts";

const ROOT = join(import.meta.dirname, "../..");
const OBJECT = join(ROOT, "native/build/sallyport.bpf.o");

const HEADER = `/**
 * Generated from the BTF of the BPF object by \`npm run build\`. Do not edit. The sources are bpf/wire/layout.h, the
 * headers that it includes, and scripts/layout/.
 */
`;

/** The generated files, by path relative to the repository. Throws Error if the object lacks a type. */
export function generatedFiles(): ReadonlyMap<string, string> {
	const btf = readBtf(OBJECT);
	return new Map([
		["src/native/layout.ts", numbersText(btf, HEADER)],
		["src/native/event-views.ts", eventViewsText(btf, HEADER)],
	]);
}

/** The files that differ from the object. */
export function staleFiles(): string[] {
	return [...generatedFiles()].filter(([file, text]) => textOf(file) !== text).map(([file]) => file);
}

function textOf(file: string): string | null {
	try {
		return readFileSync(join(ROOT, file), "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
		throw error;
	}
}

function main(): void {
	const stale = staleFiles();
	if (stale.length === 0) return;
	if (process.env["CI"] === "true") {
		process.stderr.write(
			`${stale.join(", ")}: differs from the BPF object. Run npm run build and commit the result.\n`,
		);
		process.exitCode = 1;
		return;
	}
	const files = generatedFiles();
	for (const file of stale) writeFileSync(join(ROOT, file), files.get(file) ?? "");
}

if (import.meta.main) main();
