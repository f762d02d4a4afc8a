import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { addressText } from "../base/address.ts";
import type { DoctorConfig } from "../cli/deps.ts";
import { lastGoodFile, readLastGood } from "../enforce/last-good.ts";
import { trustedResolvers } from "../enforce/resolvers.ts";
import type { Addon, AttachedProgram, PinsFound } from "../native/binding.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { renderProblem } from "../policy/read/problem.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { pinsHolder } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";
import { effectiveCapabilities, findObstacle, type Facts as MachineFacts, readFacts } from "../system/preflight.ts";

/** What the doctor looks at. Gathered here; judged in findings.ts. */
export interface DoctorFacts {
	readonly machine: MachineFacts;
	/** Why no daemon could run here, or null. */
	readonly obstacle: { readonly message: string; readonly hint: string | null } | null;
	/** Programs that the kernel took in a trial; or why it did not. */
	readonly trial: { readonly programs: number; readonly ms: number } | { readonly error: string };
	readonly jit: boolean;
	/** More than one cgroup hierarchy: v1 controllers beside v2. */
	readonly hybrid: boolean;
	readonly cgroup: string | null;
	readonly diag: readonly string[];
	readonly bpffs: boolean;
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

/** Loads the programs once, attached to nothing, and takes them out again. */
export function gather(config: DoctorConfig, addon: Addon, checkPolicy: (file: string) => PolicyCheck): DoctorFacts {
	const machine = readFacts();
	const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
	const mounts = parseMountinfo(mountinfo);
	const cgroup = attempt(() => watchedCgroup(config.cgroup, mountinfo).path, null);
	const daemon = pinsHolder(config);
	const checked = checkPolicy(config.policy);
	const kept = readLastGood(lastGoodFile(config.stateDir));
	return {
		machine,
		obstacle: attempt(() => findObstacle(machine), null),
		trial: tryPrograms(addon, config.pins),
		jit: text("/proc/sys/net/core/bpf_jit_enable").trim() !== "0",
		hybrid: mounts.some(({ type }) => type === "cgroup"),
		cgroup,
		diag: ["inet_diag", "tcp_diag", "udp_diag"].filter((module) => existsSync(`/sys/module/${module}`)),
		bpffs: mounts.some(({ type, point }) => type === "bpf" && config.pins.startsWith(`${point}/`)),
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

function tryPrograms(addon: Addon, pins: string): DoctorFacts["trial"] {
	const folder = `${pins}-doctor-${process.pid}`;
	const started = performance.now();
	try {
		const kernel = addon.load({ pins: folder, cgroup: "/", sizes: { events: 4096 }, detached: true });
		const programs = kernel.programs().length;
		kernel.close();
		return { programs, ms: performance.now() - started };
	} catch (error) {
		return { error: (error as Error).message };
	} finally {
		attempt(() => addon.removePins(folder), undefined);
	}
}

/* The first folder that is there: what is made below it has the same room. */
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
