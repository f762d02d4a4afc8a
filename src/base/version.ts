import { readFileSync } from "node:fs";

/** The version in package.json. */
export function readVersion(): string {
	const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
		version?: unknown;
	};
	return String(manifest.version ?? "unknown");
}
