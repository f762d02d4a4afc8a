/** Conditions of a rule on the destination and the client. docs/deciding.md, "Words" and "Who". */
import { PROTOCOL } from "../../native/layout.ts";
import { cgroupsOf, containerOf, unitsOf } from "../cgroup-path.ts";
import { parseAddress, wordMask } from "../cidr.ts";
import type { PrefixSet, Rule, Who } from "../model.ts";

/** Whether cidr, protocol and ports match. */
export function matchesTo({ to }: Rule, address: string, protocol: number, port: number): boolean {
	if (to.cidr !== null && !to.cidr.some((set) => contains(set, address))) return false;
	if (to.protocol !== null && !to.protocol.includes(protocol)) return false;
	if (to.ports === null) return true;
	// A condition on ports matches TCP and UDP only.
	return (
		(protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp) &&
		to.ports.some(({ low, high }) => low <= port && port <= high)
	);
}

/**
 * Whether exe, user, unit, container and cgroup match. An unknown program or cgroup matches each condition on it of a deny
 * or alert rule, and none of an allow rule. An unknown user matches no condition.
 */
export function matchesFrom({ action, from }: Rule, who: Who): boolean {
	const { exe, uid, cgroup } = who;
	if (from.exe !== null) {
		if (exe === null ? action === "allow" : !from.exe.some(({ dev, path }) => dev === exe.dev && path === exe.path))
			return false;
	}
	if (from.user !== null && !from.user.includes(uid)) return false;
	if (cgroup === null)
		return action !== "allow" || (from.unit === null && from.cgroup === null && from.container === null);
	if (from.unit !== null && !anyOf(from.unit, unitsOf(cgroup))) return false;
	if (from.cgroup !== null && !anyOf(from.cgroup, cgroupsOf(cgroup))) return false;
	if (from.container === null) return true;
	const container = containerOf(cgroup);
	return container !== null && anyOf(from.container, [container, "*"]);
}

/** Whether one of the prefixes contains the address. */
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

function anyOf(expected: readonly string[], actual: readonly string[]): boolean {
	return expected.some((value) => actual.includes(value));
}
