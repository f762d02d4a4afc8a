/**
 * What a cgroup's path says: systemd's units, and the container. Pure text; bpf/ implements the same rules.
 *
 * The path is that below the watched cgroup, root first, without slashes at its ends. "" has no unit and no container.
 *
 * Units. Go down from the root. Each component that ends in ".slice", with something before it, is a unit. The first that does not is a unit too, and
 * the last one: what lies below belongs to it and is not looked at. At most 8 (sp_cgroup_ids.unit); what is beyond
 * has no name.
 *   user.slice/user-1000.slice/session-2.scope/x.service  ->  user.slice, user-1000.slice, session-2.scope
 *
 * Container. Go down from the root; the first component that one of these rules fits has the name, and the
 * rules are tried in this order in each component:
 *   1. a run of exactly 64 characters 0-9a-f (lower case), with another character or an end of the component on both sides:
 *      the first 12 of the run. If there are several, the last. Docker "docker-ID.scope" or "ID", containerd
 *      "cri-containerd-ID.scope", CRI-O "crio-ID.scope", Podman "libpod-ID.scope" and "libpod-conmon-ID.scope".
 *   2. "lxc.payload." and at least one character: those characters.
 *   3. "machine-", at least one character, ".scope": those between.
 *   4. "systemd-nspawn@", at least one character, ".service": those between.
 * Names are taken as they stand, systemd's escapes (\x2d) included.
 *
 * Cgroup. Every prefix of the path is one: "a/b/c" lies in "a", "a/b" and "a/b/c". At most 16 (sp_cgroup_ids.path).
 */

import { IDS_PATHS_MAX, IDS_UNITS_MAX } from "../native/layout.ts";

/** Digits by which a container is known. */
export const CONTAINER_DIGITS = 12;

/** Root first. */
export function unitsOf(path: string): string[] {
	const components = componentsOf(path);
	const unit = components.findIndex((component) => !/.\.slice$/s.test(component));
	const end = unit === -1 ? components.length : unit + 1;
	return components.slice(0, Math.min(end, IDS_UNITS_MAX));
}

/** The first 12 digits of a container's id, a machine's name, or null. */
export function containerOf(path: string): string | null {
	for (const component of componentsOf(path)) {
		for (const rule of CONTAINER_RULES) {
			const found = rule.exec(component)?.[1];
			if (found !== undefined) return found;
		}
	}
	return null;
}

/** The path and every path above it, root first. */
export function cgroupsOf(path: string): string[] {
	const components = componentsOf(path);
	return components.map((_, i) => components.slice(0, i + 1).join("/")).slice(0, IDS_PATHS_MAX);
}

const CONTAINER_RULES = [
	/^(?:.*[^0-9a-f])?([0-9a-f]{12})[0-9a-f]{52}(?![0-9a-f])/s,
	/^lxc\.payload\.(.+)$/s,
	/^machine-(.+)\.scope$/s,
	/^systemd-nspawn@(.+)\.service$/s,
];

function componentsOf(path: string): string[] {
	return path.split("/").filter((component) => component !== "");
}
