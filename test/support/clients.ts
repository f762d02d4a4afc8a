/** The C clients, compiled by `cc` into a temp folder: small real programs that do one thing and print one JSON line. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

const SOURCES = join(import.meta.dirname, "clients");

export function compileClients(folder: string): string {
	const out = join(folder, "bin");
	mkdirSync(out);
	for (const file of readdirSync(SOURCES).filter((name) => name.endsWith(".c"))) {
		must(
			"cc",
			"-O1",
			"-Wall",
			"-Wextra",
			"-Werror",
			"-pthread",
			"-o",
			join(out, file.slice(0, -2)),
			join(SOURCES, file),
		);
	}
	return out;
}
