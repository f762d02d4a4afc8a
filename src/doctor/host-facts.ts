import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { addressText } from "../base/address.ts";
import { errorCodeOf, type SallyportError, sentence } from "../base/errors.ts";
import type { DoctorConfig } from "../cli/deps.ts";
import { lastGoodFile, readLastGood } from "../enforce/last-good.ts";
import { BPFFS, pinFolderError } from "../enforce/pin-folder.ts";
import { trustedResolvers } from "../enforce/resolvers.ts";
import type { Addon, AttachedProgram, PinsFound } from "../native/binding.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { renderProblem } from "../policy/read/problem.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { pinsHolder } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";
import { effectiveCapabilities, findObstacle, type Facts as MachineFacts, readFacts } from "../system/preflight.ts";

/** The facts from which findings.ts derives the findings. A fact of a check in `unseen` has no meaning. */
export interface DoctorFacts {
	/** Checks that this user may not make. */
	readonly unseen: ReadonlySet<Check>;
	/** The daemon's status; null if it does not answer. */
	readonly status: DoctorConfig["status"];
	readonly machine: MachineFacts;
	/** Why no daemon can run here, or null. */
	readonly obstacle: Problem | null;
	/** The programs that the kernel accepted in a trial, its error, or why there was no trial. */
	readonly trial:
		| { readonly programs: number; readonly ms: number }
		| { readonly error: string }
		| { readonly skipped: string };
	readonly jit: boolean;
	/** More than one cgroup hierarchy: v1 controllers beside v2. */
	readonly hybrid: boolean;
	readonly cgroup: string | null;
	readonly diag: readonly string[];
	/** Why the pins cannot be in their folder, or null; and whether `sallyport run` mounts what is missing. */
	readonly bpffs: { readonly problem: Problem | null; readonly mountable: boolean };
	readonly pins: PinsFound | null;
	readonly links: number;
	readonly attached: readonly AttachedProgram[];
	readonly ownNames: readonly string[];
	/** Process of the daemon that has the pins, and its capabilities. */
	readonly daemon: { readonly pid: number; readonly capabilities: bigint } | null;
	readonly policy: { readonly lines: readonly string[]; readonly facts: PolicyCheck["facts"] };
	readonly lastGood: { readonly savedAt: string | null; readonly why: string | null };
	readonly resolvers: readonly string[];
	readonly resolvConf: boolean;
	readonly resolved: { readonly runs: boolean; readonly overTls: boolean };
	readonly nscd: boolean;
	readonly disk: { readonly free: number; readonly writable: boolean };
	readonly stateDir: string;
	/** ms since the epoch. */
	readonly now: number;
	readonly systemd: boolean;
	readonly earlyEnabled: boolean;
}

/** The checks, in the order of the report. */
export const CHECKS = [
	...([
		"machine",
		"programs",
		"jit",
		"cgroups",
		"bpffs",
		"pins",
		"other programs",
		"daemon",
		"denied sockets",
	] as const),
	...(["policy", "last good policy", "boot", "resolvers", "systemd-resolved", "clock", "disk"] as const),
] as const;

type Problem = Pick<SallyportError, "message" | "hint">;

export type Check = (typeof CHECKS)[number];

/**
 * Reads the facts from the host. Loads the programs into the kernel, attached to nothing, and removes them again, if this
 * user may. Changes nothing else.
 */
export function gather(config: DoctorConfig, addon: Addon, checkPolicy: (file: string) => PolicyCheck): DoctorFacts {
	const machine = readFacts();
	const { status } = config;
	const obstacle = attempt(() => findObstacle(machine), null);
	const privileged = obstacle?.code !== "NOT_ROOT";
	const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
	const mounts = parseMountinfo(mountinfo);
	const pinFolder = pinFolderError(config.pins, mounts);
	const cgroup = attempt(() => watchedCgroup(config.cgroup, mountinfo).path, null);
	const daemon = pinsHolder(config) ?? status?.pid ?? null;
	const checked = checkPolicy(config.policy);
	const kept = readLastGood(lastGoodFile(config.stateDir));
	return {
		unseen: privileged ? new Set() : unseenChecks(config, daemon, checked),
		status,
		machine,
		/* The capabilities of an ordinary user's shell are not those of the daemon. */
		obstacle: privileged ? obstacle : findObstacle({ ...machine, uid: 0, capabilities: ALL_CAPABILITIES }),
		trial: privileged && pinFolder === null ? tryPrograms(addon, config.pins) : { skipped: "needs a BPF file system" },
		jit: text(JIT).trim() !== "0",
		hybrid: mounts.some(({ type }) => type === "cgroup"),
		cgroup,
		diag: ["inet_diag", "tcp_diag", "udp_diag"].filter((module) => existsSync(`/sys/module/${module}`)),
		bpffs: { problem: pinFolder, mountable: config.pins.startsWith(`${BPFFS}/`) },
		pins: attempt(() => addon.pins(config.pins, cgroup ?? "/"), null),
		links: attempt(() => readdirSync(join(config.pins, "links")).length, 0),
		attached: attempt(() => (cgroup === null ? [] : addon.attached(cgroup)), []),
		ownNames: attempt(() => readdirSync(join(config.pins, "programs")), []),
		daemon:
			daemon === null ? null : { pid: daemon, capabilities: effectiveCapabilities(text(`/proc/${daemon}/status`)) },
		policy: { lines: checked.problems.map(renderProblem), facts: checked.facts },
		lastGood: { savedAt: kept.found?.savedAt ?? null, why: kept.why },
		resolvers: [...trustedResolvers([])].map(addressText),
		resolvConf: /^\s*nameserver\s/m.test(text("/etc/resolv.conf")),
		resolved: {
			runs: existsSync("/run/systemd/resolve/io.systemd.Resolve"),
			overTls: resolvedFiles().some((file) => /^\s*DNSOverTLS\s*=\s*(yes|true|1|on)\b/im.test(text(file))),
		},
		nscd: existsSync("/run/nscd/socket"),
		disk: diskOf(config.stateDir),
		stateDir: config.stateDir,
		now: Date.now(),
		systemd: existsSync("/run/systemd/system"),
		earlyEnabled: existsSync("/etc/systemd/system/sysinit.target.wants/sallyport-early.service"),
	};
}

function unseenChecks(config: DoctorConfig, daemon: number | null, policy: PolicyCheck): ReadonlySet<Check> {
	const unseen = new Set<Check>(["programs", "other programs", "disk"]);
	if (isDenied(JIT)) unseen.add("jit");
	/* A pinned map cannot be opened without CAP_BPF, even where the folder can be read. */
	if (isDenied(config.pins) || existsSync(config.pins)) unseen.add("pins");
	if (daemon === null || text(`/proc/${daemon}/status`) === "") unseen.add("denied sockets");
	if (daemon === null && isDenied(config.runtimeDir)) unseen.add("daemon");
	/* Its list files count too. */
	if (policy.problems.some(({ message }) => /\bE(ACCES|PERM)\b/.test(message))) unseen.add("policy");
	if (isDenied(lastGoodFile(config.stateDir))) unseen.add("last good policy");
	return unseen;
}

function isDenied(path: string): boolean {
	try {
		accessSync(path, constants.R_OK);
		return false;
	} catch (error) {
		return ["EACCES", "EPERM"].includes(errorCodeOf(error) ?? "");
	}
}

const JIT = "/proc/sys/net/core/bpf_jit_enable";
const ALL_CAPABILITIES = (1n << 64n) - 1n;

function tryPrograms(addon: Addon, pins: string): DoctorFacts["trial"] {
	const folder = `${pins}-doctor-${process.pid}`;
	const started = performance.now();
	try {
		const kernel = addon.load({ pins: folder, cgroup: "/", sizes: { events: 4096 }, detached: true });
		const programs = kernel.programs().length;
		kernel.close();
		return { programs, ms: performance.now() - started };
	} catch (error) {
		return { error: sentence(error) };
	} finally {
		attempt(() => addon.removePins(folder), undefined);
	}
}

/* The nearest existing folder: one created below it lies on the same file system. */
function diskOf(folder: string): DoctorFacts["disk"] {
	if (!existsSync(folder)) return diskOf(dirname(folder));
	const { bavail, bsize } = statfsSync(folder);
	const writable = attempt(() => {
		accessSync(folder, constants.W_OK);
		return true;
	}, false);
	return { free: bavail * bsize, writable };
}

function resolvedFiles(): string[] {
	const folders = ["/etc/systemd/resolved.conf.d", "/run/systemd/resolved.conf.d", "/usr/lib/systemd/resolved.conf.d"];
	const parts = folders.flatMap((folder) => attempt(() => readdirSync(folder), []).map((name) => join(folder, name)));
	return ["/etc/systemd/resolved.conf", ...parts];
}

function text(path: string): string {
	return attempt(() => readFileSync(path, "utf8"), "");
}

function attempt<T>(look: () => T, otherwise: T): T {
	try {
		return look();
	} catch {
		return otherwise;
	}
}
