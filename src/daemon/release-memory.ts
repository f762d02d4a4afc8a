import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Addon } from "../native/binding.ts";

/**
 * Releases some 50 MB that only the start needed, or what the load of a large policy did. Takes some tens of milliseconds. The cache of compiled code is
 * written now and not at the exit: a daemon that is killed would compile everything again, and hold the memory for it
 * until then.
 */
export function releaseMemory(addon: Pick<Addon, "releaseMemory">): void {
	flushCompileCache();
	setFlagsFromString("--expose-gc");
	const collect = runInNewContext("gc") as (options: { type: "major"; flavor: "last-resort" }) => void;
	collect({ type: "major", flavor: "last-resort" });
	addon.releaseMemory();
}
