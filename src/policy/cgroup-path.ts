/**
 * Units and container of a cgroup's path. Pure text; bpf/who/cgroup.h implements the same rules.
 *
 * The path is relative to the watched cgroup, without slashes at its ends. "" has no unit and no container.
 *
 * Units: from the root down, each component that ends in ".slice" (with something before it) is a unit. The first other
 * component is the last unit; components below it belong to it. At most IDS_UNITS_MAX are read, and deeper ones have no
 * name.
 *   user.slice/user-1000.slice/session-2.scope/x.service  ->  user.slice, user-1000.slice, session-2.scope
 *
 * Container: the first component from the root that one of these rules matches, tried in this order:
 *   1. a run of exactly 64 characters 0-9a-f, with another character or an end of the component on both sides: the
 *      first 12 of the last such run. Docker "docker-ID.scope" or "ID", containerd "cri-containerd-ID.scope", CRI-O
 *      "crio-ID.scope", Podman "libpod-ID.scope" and "libpod-conmon-ID.scope". The id of a pod is none of a container: a
 *      component that ends in ".slice", and one directly below "libpod_parent" that does not begin with "libpod-".
 *   2. "lxc.payload." and at least one character: those characters.
 *   3. "machine-", at least one character, ".scope": the characters between.
 *   4. "systemd-nspawn@", at least one character, ".service": the characters between.
 * Names keep systemd's escapes (\x2d).
 *
 * Units and containers are read only from names that root gave: the path up to the first cgroup whose directory another
 * user owns (user@1000.service, a delegated service). The kernel sees the owner. Callers here pass that part.
 *
 * Cgroup: each prefix of the path is one: "a/b/c" is in "a", "a/b" and "a/b/c". At most IDS_PATHS_MAX are read.
 */

import { IDS_PATHS_MAX, IDS_UNITS_MAX } from "../native/layout.ts";

/** Hex digits of a container id that identify the container. */
export const CONTAINER_DIGITS = 12;

/** The units, from the root down. */
export function unitsOf(path: string): string[] {
	const components = componentsOf(path);
	const unit = components.findIndex((component) => !/.\.slice$/s.test(component));
	const end = unit === -1 ? components.length : unit + 1;
	return components.slice(0, Math.min(end, IDS_UNITS_MAX));
}

/** The first CONTAINER_DIGITS digits of a container id, the name of a machine, or null. */
export function containerOf(path: string): string | null {
	const components = componentsOf(path);
	for (const [at, component] of components.entries()) {
		for (const rule of isPod(component, components[at - 1]) ? MACHINE_RULES : CONTAINER_RULES) {
			const found = rule.exec(component)?.[1];
			if (found !== undefined) return found;
		}
	}
	return null;
}

/** The prefixes of the path, from the root down. */
export function cgroupsOf(path: string): string[] {
	const components = componentsOf(path);
	return components.map((_, i) => components.slice(0, i + 1).join("/")).slice(0, IDS_PATHS_MAX);
}

const MACHINE_RULES = [/^lxc\.payload\.(.+)$/s, /^machine-(.+)\.scope$/s, /^systemd-nspawn@(.+)\.service$/s];

const CONTAINER_RULES = [/^(?:.*[^0-9a-f])?([0-9a-f]{12})[0-9a-f]{52}(?![0-9a-f])/s, ...MACHINE_RULES];

function isPod(component: string, parent: string | undefined): boolean {
	return /.\.slice$/s.test(component) || (parent === "libpod_parent" && !component.startsWith("libpod-"));
}

function componentsOf(path: string): string[] {
	return path.split("/").filter((component) => component !== "");
}
