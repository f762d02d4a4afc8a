import { readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { errorCodeOf, SallyportError, sentence } from "../base/errors.ts";
import type { Addon, Kernel } from "../native/binding.ts";
import { type Mount, mountOf } from "../system/mounts.ts";
import { followLinks } from "./policy-environment.ts";

/** The mount point that the kernel makes for the BPF file system. */
export const BPFFS = "/sys/fs/bpf";

/**
 * Checks that the folder of the pins is on a BPF file system, and mounts one at `root` if that has none. Nothing is
 * mounted anywhere else: a mount hides the files that it covers. Returns a function that unmounts what was mounted
 * here, unless something is pinned there. Throws SallyportError: USAGE, NO_BPFFS.
 */
export function ensureBpffs(
	addon: Pick<Addon, "mountBpffs" | "unmountBpffs">,
	pins: string,
	mounts: readonly Mount[],
	root = BPFFS,
): () => void {
	const problem = pinFolderError(pins, mounts);
	if (problem === null) return () => {};
	if (problem.code !== "NO_BPFFS" || !pins.startsWith(`${root}/`)) throw problem;
	try {
		/* The kernel makes this folder, empty, for this mount. */
		if (readdirSync(root).length > 0) throw new Error("it is not empty");
		addon.mountBpffs(root);
	} catch (error) {
		const why = `The BPF file system cannot be mounted at ${root}: ${sentence(error)}.`;
		throw new SallyportError("NO_BPFFS", why, `Mount it: mount -t bpf bpf ${root}`, error);
	}
	return () => {
		/* Unmounting would remove the pins of others. */
		if (readdirSync(root).every((name) => KERNELS_OWN.includes(name))) addon.unmountBpffs(root);
	};
}

/** Why the pins cannot be in this folder, or null. */
export function pinFolderError(pins: string, mounts: readonly Mount[]): SallyportError | null {
	const found = mountOf(mounts, followLinks(pins));
	if (found?.mount.type !== "bpf") {
		const example = join(BPFFS, basename(pins) === "" ? "sallyport" : basename(pins));
		const hint = pins.startsWith(`${BPFFS}/`)
			? `Mount it: mount -t bpf bpf ${BPFFS} (the service and sallyport run do so).`
			: `Name a folder below ${BPFFS}, for example ${example}.`;
		return new SallyportError("NO_BPFFS", `The folder for the pins, ${pins}, is not on a BPF file system.`, hint);
	}
	/* Units see their folder as a mount of its own (ReadWritePaths=), whose root is not that of the file system. */
	if (found.path !== "/") return null;
	const hint = `Name a folder in it, for example ${join(pins, "sallyport")}.`;
	return new SallyportError("USAGE", `${pins} is a whole BPF file system, which may hold the pins of others.`, hint);
}

/** Removes the links and pins. The programs are gone once the kernel's handles are closed. */
export function removeFromKernel(kernel: Pick<Kernel, "detach">, pins: string): void {
	kernel.detach();
	try {
		rmSync(pins, { recursive: true, force: true });
	} catch (error) {
		/* The service may not remove its folder, which sallyport-prepare.service has made for it. */
		if (!NOT_REMOVABLE.includes(errorCodeOf(error) ?? "")) throw error;
	}
}

/** Files that the kernel puts into each new BPF file system (kernel/bpf/preload). */
const KERNELS_OWN: readonly string[] = ["maps.debug", "progs.debug"];
const NOT_REMOVABLE: readonly string[] = ["EACCES", "EPERM", "EBUSY"];
