import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { SallyportError } from "../base/errors.ts";
import { cgroup2Mount } from "./mounts.ts";

/** Properties of the machine that Sallyport depends on. */
export interface Facts {
	readonly uid: number;
	/** CapEff of /proc/self/status. */
	readonly capabilities: bigint;
	/** uname -r. */
	readonly release: string;
	readonly btf: boolean;
	/** Mount point of cgroup v2, or null. */
	readonly cgroup2: string | null;
}

/** Throws SallyportError with the first missing requirement: see findObstacle(). */
export function checkMachine(): void {
	const obstacle = findObstacle(readFacts());
	if (obstacle !== null) throw obstacle;
}

/**
 * The first missing requirement, or null. Codes: NOT_ROOT, CAPABILITY_MISSING, KERNEL_TOO_OLD, NO_BTF, NO_CGROUP2.
 * Pure.
 */
export function findObstacle(facts: Facts): SallyportError | null {
	const missing = CAPABILITIES.filter(({ bit }) => (facts.capabilities & (1n << BigInt(bit))) === 0n).map(
		({ name }) => name,
	);
	if (facts.uid !== 0 && missing.length === CAPABILITIES.length) {
		return new SallyportError(
			"NOT_ROOT",
			"Sallyport must run as root to load programs into the kernel.",
			"Run it with sudo, or as its systemd service.",
		);
	}
	if (missing.length > 0) {
		return new SallyportError(
			"CAPABILITY_MISSING",
			`The process lacks ${missing.join(", ")}.`,
			"Grant it: --cap-add (or --privileged) for a container, CapabilityBoundingSet= for a unit.",
		);
	}
	if (!atLeast(facts.release, 6, 1)) {
		return new SallyportError(
			"KERNEL_TOO_OLD",
			`Kernel ${facts.release} is older than 6.1.`,
			"Boot a kernel 6.1 or later (Debian 12, Ubuntu 24.04, Amazon Linux 2023).",
		);
	}
	if (!facts.btf) {
		return new SallyportError(
			"NO_BTF",
			"The kernel has no type information: /sys/kernel/btf/vmlinux is missing.",
			"Boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as the kernels of distributions are.",
		);
	}
	if (facts.cgroup2 === null) {
		return new SallyportError(
			"NO_CGROUP2",
			"No cgroup v2 file system is mounted.",
			"Mount it: mount -t cgroup2 none /sys/fs/cgroup (or boot with systemd.unified_cgroup_hierarchy=1).",
		);
	}
	return null;
}

/** Throws the errors of reading /proc. */
export function readFacts(): Facts {
	return {
		uid: process.geteuid?.() ?? -1,
		capabilities: effectiveCapabilities(readFileSync("/proc/self/status", "utf8")),
		release: release(),
		btf: existsSync("/sys/kernel/btf/vmlinux"),
		cgroup2: cgroup2Mount(readFileSync("/proc/self/mountinfo", "utf8"))?.point ?? null,
	};
}

/** @param status contents of /proc/PID/status */
export function effectiveCapabilities(status: string): bigint {
	const hex = /^CapEff:\s*([0-9a-f]+)$/im.exec(status)?.[1];
	return hex === undefined ? 0n : BigInt(`0x${hex}`);
}

/* Numbers of linux/capability.h. */
const CAPABILITIES = [
	{ bit: 12, name: "CAP_NET_ADMIN" },
	{ bit: 38, name: "CAP_PERFMON" },
	{ bit: 39, name: "CAP_BPF" },
] as const;

function atLeast(text: string, major: number, minor: number): boolean {
	const [, a, b] = /^(\d+)\.(\d+)/.exec(text) ?? [];
	if (a === undefined || b === undefined)
		return true; /* An unknown form: loading reports it if the kernel is too old. */
	return Number(a) > major || (Number(a) === major && Number(b) >= minor);
}
