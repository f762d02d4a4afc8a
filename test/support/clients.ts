/** The C clients, compiled by `cc` into a temp folder: small real programs that do one thing and print one JSON line. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

const SOURCES = join(import.meta.dirname, "clients");

/** Other folders' clients find ours' header too. */
export function compileClients(folder: string, sources = SOURCES): string {
	const out = join(folder, "bin");
	mkdirSync(out, { recursive: true });
	for (const file of readdirSync(sources).filter((name) => name.endsWith(".c"))) {
		must(
			"cc",
			"-O1",
			"-Wall",
			"-Wextra",
			"-Werror",
			"-pthread",
			"-I",
			SOURCES,
			"-o",
			join(out, file.slice(0, -2)),
			join(sources, file),
		);
	}
	return out;
}
