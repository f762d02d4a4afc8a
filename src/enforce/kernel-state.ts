import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Config, DEFAULTS } from "../base/config.ts";
import type { Addon } from "../native/binding.ts";
import { MODE, POLICY_HEAD } from "../native/layout.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { pinsHolder } from "../system/lock.ts";
import { lastGoodFile, readLastGood } from "./last-good.ts";
import { isPolicy } from "./open-kernel.ts";
import { readMountinfo } from "./policy-environment.ts";

export type KernelStateOptions = Pick<Config, "pins" | "runtimeDir" | "cgroup" | "stateDir">;

/**
 * One sentence on the policy that the kernel enforces by the pins of a folder, with the command that removes it. Null
 * if nothing is pinned there, or if this user may not look. Changes nothing.
 */
export function kernelState(options: KernelStateOptions, openAddon: () => Addon): string | null {
	const { pins, runtimeDir } = options;
	if (!hasLinks(pins)) return null;
	const holder = pinsHolder({ pins, runtimeDir });
	/* Opening the pins would disturb a daemon that is replacing them. */
	if (holder !== null && holder !== process.pid)
		return `The daemon that enforces by the pins at ${pins} is process ${holder}.`;
	const policy = policyText(options, openAddon) ?? "A policy";
	return `${policy} is in force in the kernel, by the pins at ${pins}: \`${detachCommand(options)}\` removes it.`;
}

/** The command line that removes what is pinned at a folder. */
export function detachCommand({ pins, runtimeDir }: Pick<Config, "pins" | "runtimeDir">): string {
	const flags = [
		...(pins === DEFAULTS.pins ? [] : ["--pins", pins]),
		...(runtimeDir === DEFAULTS.runtimeDir ? [] : ["--runtime-dir", runtimeDir]),
	];
	return ["sudo sallyport detach", ...flags].join(" ");
}

function hasLinks(pins: string): boolean {
	try {
		return readdirSync(join(pins, "links")).length > 0;
	} catch {
		return false;
	}
}

/* Null if the pins are of another build or cgroup: their maps cannot be read then. */
function policyText({ pins, cgroup, stateDir }: KernelStateOptions, openAddon: () => Addon): string | null {
	try {
		const addon = openAddon();
		const watched = watchedCgroup(cgroup, readMountinfo());
		const found = addon.pins(pins, watched.path);
		if (found === null || !found.sameLayout || !found.samePrograms || !found.sameCgroup) return null;
		const kernel = addon.load({ pins, cgroup: watched.path, sizes: {} });
		try {
			const rows = kernel.readPolicy();
			if (rows === null || !isPolicy(rows)) return null;
			const generation = rows.readUInt32LE(POLICY_HEAD.generation);
			const saved = stateDir === null ? null : readLastGood(lastGoodFile(stateDir)).found;
			const source = saved?.generation === generation ? ` of ${saved.source}` : "";
			const mode = rows.readUInt8(POLICY_HEAD.mode) === MODE.enforce ? "enforce" : "observe";
			return `Generation ${generation}${source} (mode ${mode})`;
		} finally {
			kernel.close();
		}
	} catch {
		return null;
	}
}
