import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Addon } from "../native/binding.ts";

/**
 * After the start: what it left behind goes, some 50 MB. The cache of compiled code is written now and not when the daemon ends: one that is killed
 * would compile everything again, and keep the memory for that. Takes some tens of milliseconds.
 */
export function giveBack(addon: Pick<Addon, "releaseMemory">): void {
	flushCompileCache();
	setFlagsFromString("--expose-gc");
	const collect = runInNewContext("gc") as (options: { type: "major"; flavor: "last-resort" }) => void;
	collect({ type: "major", flavor: "last-resort" });
	addon.releaseMemory();
}
