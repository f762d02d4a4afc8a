/** Conditions of a rule, one by one, for the plain evaluator. docs/deciding.md, "Words" and "Who". */

import { cgroupsOf, containerOf, unitsOf } from "../cgroup-path.ts";
import { parseAddress, wordMask } from "../cidr.ts";
import type { PrefixSet, Rule, Who } from "../model.ts";
import { TCP, UDP } from "../numbers.ts";

/** cidr, protocol and ports. */
export function holdsTo({ to }: Rule, address: string, protocol: number, port: number): boolean {
	if (to.cidr !== null && !to.cidr.some((set) => contains(set, address))) return false;
	if (to.protocol !== null && !to.protocol.includes(protocol)) return false;
	if (to.ports === null) return true;
	// A ports condition holds for TCP and UDP only.
	return (protocol === TCP || protocol === UDP) && to.ports.some(({ low, high }) => low <= port && port <= high);
}

/** What is not known matches no condition. */
export function holdsFrom({ from }: Rule, who: Who): boolean {
	const { exe, uid, cgroup } = who;
	if (from.exe !== null && !from.exe.some((file) => file.dev === exe?.dev && file.path === exe.path)) return false;
	if (from.user !== null && !from.user.includes(uid)) return false;
	if (from.unit !== null && !anyOf(from.unit, cgroup === null ? [] : unitsOf(cgroup))) return false;
	if (from.cgroup !== null && !anyOf(from.cgroup, cgroup === null ? [] : cgroupsOf(cgroup))) return false;
	if (from.container === null) return true;
	const container = cgroup === null ? null : containerOf(cgroup);
	return container !== null && anyOf(from.container, [container, "*"]);
}

export function contains(set: PrefixSet, address: string): boolean {
	const parsed = parseAddress(address);
	if (parsed === null) return false;
	if (parsed.version === 4) {
		return set.v4.some((network, i) => ((network ^ parsed.w3) & wordMask(set.v4Length[i]!)) === 0);
	}
	const words = [parsed.w0, parsed.w1, parsed.w2, parsed.w3];
	return set.v6Length.some((length, i) =>
		words.every((word, lane) => ((set.v6[4 * i + lane]! ^ word) & wordMask(length - 32 * lane)) === 0),
	);
}

function anyOf(wanted: readonly string[], has: readonly string[]): boolean {
	return wanted.some((one) => has.includes(one));
}
