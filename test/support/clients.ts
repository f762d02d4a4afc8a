/** The C clients, compiled by `cc` into a temp folder: small real programs that do one thing and print one JSON line. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

const SOURCES = join(import.meta.dirname, "clients");

/** On a machine without a compiler: the folder of what another has compiled. */
const MADE = process.env["SALLYPORT_TEST_CLIENTS"];

/** Other folders' clients find ours' header too. `flags`: for a machine with other libraries, "-static". */
export function compileClients(folder: string, sources = SOURCES, flags: readonly string[] = []): string {
	if (MADE !== undefined) return MADE;
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
			...flags,
			"-I",
			SOURCES,
			"-o",
			join(out, file.slice(0, -2)),
			join(sources, file),
		);
	}
	return out;
}
