/** Tests whose needs a machine may lack. They are skipped with a warning, but in CI they must run. */
import { inCi } from "../../scripts/levels.ts";
import { has } from "./run.ts";

/**
 * For `test.runIf`.
 *
 * @param missing the unmet need in a sentence, or null
 */
export function able(missing: string | null): boolean {
	if (missing === null) return true;
	if (inCi()) throw new Error(`${missing} With CI=true these tests may not be skipped.`);
	console.warn(`SKIPPED: ${missing}`);
	return false;
}

export function ableAsRoot(): boolean {
	return able(process.getuid?.() === 0 ? null : "Only root can run some tests of this file.");
}

/** For programs of scripts/packages.json, which root's set-up installs. */
export function ableWith(program: string): boolean {
	return able(has(program) ? null : `${program} is not installed.`);
}
