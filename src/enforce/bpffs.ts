import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { SallyportError } from "../base/errors.ts";
import type { Addon } from "../native/binding.ts";
import { parseMountinfo } from "../system/mounts.ts";

/** Sees to it that there is a BPF file system for the pins. Returns what takes it away again if it was not there and nothing is pinned. */
export function ensureBpffs(addon: Pick<Addon, "mountBpffs" | "unmountBpffs">, pins: string): () => void {
	const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
	if (mounts.some((mount) => mount.type === "bpf" && pins.startsWith(`${mount.point}/`))) return () => {};
	const root = pins.startsWith(`${BPFFS}/`) ? BPFFS : dirname(pins);
	const made = !existsSync(root);
	try {
		if (made) mkdirSync(root, { recursive: true, mode: 0o700 });
		addon.mountBpffs(root);
	} catch (error) {
		throw new SallyportError(
			"NO_BPFFS",
			`The BPF file system cannot be mounted at ${root}: ${(error as Error).message}.`,
			`Mount it: mount -t bpf bpf ${root}`,
			error,
		);
	}
	return () => {
		/* Unmounted, it would take others' pins along. */
		if (readdirSync(root).some((name) => !KERNELS_OWN.includes(name))) return;
		addon.unmountBpffs(root);
		if (made) rmdirSync(root);
	};
}

const BPFFS = "/sys/fs/bpf";
/** What the kernel puts into each new one (kernel/bpf/preload). */
const KERNELS_OWN: readonly string[] = ["maps.debug", "progs.debug"];
