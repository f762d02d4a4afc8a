/** The C clients, compiled by `cc` into a temp folder: small programs that perform one action and print one line of JSON. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

const SOURCES = join(import.meta.dirname, "clients");

/** Folder of clients compiled on another machine, for a machine without a compiler. */
const MADE = process.env["SALLYPORT_TEST_CLIENTS"];

/** Clients of other folders use this folder's header too. `flags`: for example "-static" for a machine with other libraries. */
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
