import type { Finding } from "../cli/deps.ts";
import type { DoctorFacts } from "./host-facts.ts";

/** What the facts mean, in the order in which one would look. Pure. */
export function findings(facts: DoctorFacts): Finding[] {
	return [
		machine(facts),
		programs(facts),
		jit(facts),
		cgroups(facts),
		bpffs(facts),
		pins(facts),
		others(facts),
		daemon(facts),
		destroying(facts),
		policy(facts),
		lastGood(facts),
		boot(facts),
		resolvers(facts),
		resolved(facts),
		clock(facts),
		disk(facts),
	];
}

const ok = (check: string, text: string): Finding => ({ check, result: "ok", text, advice: null });
const warning = (check: string, text: string, advice: string): Finding => ({ check, result: "warning", text, advice });
const failure = (check: string, text: string, advice: string): Finding => ({ check, result: "failure", text, advice });

function machine({ machine: { release }, obstacle }: DoctorFacts): Finding {
	if (obstacle !== null) return failure("machine", obstacle.message, obstacle.hint ?? "See docs/cli.md.");
	return ok("machine", `kernel ${release}, BTF, the capabilities that are needed`);
}

function programs({ trial }: DoctorFacts): Finding {
	if ("error" in trial) {
		return failure(
			"programs",
			`The kernel refuses the programs: ${trial.error}.`,
			"See `sallyport run` for its words.",
		);
	}
	return ok("programs", `the kernel takes all ${trial.programs} programs, in ${Math.round(trial.ms)} ms`);
}

function jit({ jit }: DoctorFacts): Finding {
	if (jit) return ok("jit", "BPF programs are compiled");
	return warning("jit", "BPF programs are interpreted: ten times slower.", "sysctl net.core.bpf_jit_enable=1");
}

function cgroups({ cgroup, hybrid }: DoctorFacts): Finding {
	if (cgroup === null) return failure("cgroups", "There is no cgroup v2 to watch.", "Mount it, or name it: --cgroup.");
	if (!hybrid) return ok("cgroups", `unified, watched at ${cgroup}`);
	const text = `cgroup v1 is mounted beside v2 (${cgroup}): where systemd keeps units in v1, they have no name here.`;
	return warning("cgroups", text, "Boot with systemd.unified_cgroup_hierarchy=1.");
}

function bpffs({ bpffs }: DoctorFacts): Finding {
	if (bpffs) return ok("bpffs", "mounted");
	return warning(
		"bpffs",
		"The BPF file system is not mounted.",
		"mount -t bpf bpf /sys/fs/bpf (the service does it itself)",
	);
}

function pins({ pins, links, daemon }: DoctorFacts): Finding {
	if (pins === null) {
		return daemon === null
			? warning("pins", "Nothing is pinned: nothing is enforced.", "sallyport attach, or start the service.")
			: failure("pins", "The daemon runs, but its pins are gone.", "Restart it: systemctl restart sallyport.");
	}
	if (!pins.sameLayout || !pins.samePrograms) {
		const which = pins.sameLayout ? "another build" : `layout ${pins.layout}`;
		return warning(
			"pins",
			`The pins are of ${which} of Sallyport.`,
			"The next start replaces them, without an open moment.",
		);
	}
	if (links === 0) return failure("pins", "The pins hold no links: nothing is enforced.", "Restart the service.");
	return ok("pins", `${links} links, of this very build`);
}

function others({ attached, ownNames }: DoctorFacts): Finding {
	/* The kernel cuts names at 15 bytes. */
	const own = new Set(ownNames.map((name) => name.slice(0, 15)));
	const seen = new Set<string>();
	const foreign = attached.filter(({ hook, name }) => {
		const first = !seen.has(`${hook} ${name}`);
		seen.add(`${hook} ${name}`);
		return !own.has(name) || !first;
	});
	if (foreign.length === 0) return ok("other programs", "none at the same hooks");
	const list = foreign.map(({ hook, name, id }) => `${name || "?"} (id ${id}, ${hook})`).join(", ");
	return warning(
		"other programs",
		`Others decide at the same hooks, and each can deny: ${list}.`,
		"Look for them (bpftool cgroup tree) if something is denied that no rule of yours denies.",
	);
}

function daemon({ daemon }: DoctorFacts): Finding {
	if (daemon !== null) return ok("daemon", `process ${daemon.pid} has the pins`);
	return warning("daemon", "No daemon runs: nothing is recorded.", "systemctl start sallyport, or sallyport run.");
}

function destroying({ daemon, diag, machine }: DoctorFacts): Finding {
	const { capabilities } = daemon ?? machine;
	const has = (bit: number) => (capabilities & (1n << BigInt(bit))) !== 0n;
	if (!has(CAP_SYS_ADMIN) || !has(CAP_SYS_PTRACE)) {
		return warning(
			"denied sockets",
			"Sockets in other network namespaces (containers) are not ended when they are denied; their packets are dropped all the same.",
			"If their programs must not wait for a timeout: the drop-in of docs/service.md, at the price it names.",
		);
	}
	const missing = ["inet_diag", "tcp_diag"].filter((module) => !diag.includes(module));
	if (missing.length === 0) return ok("denied sockets", "are ended in every network namespace");
	return ok("denied sockets", `are ended in every network namespace; ${missing.join(", ")} will be loaded when needed`);
}

function policy({ policy }: DoctorFacts): Finding {
	if (policy.facts !== null) return ok("policy", `mode ${policy.facts.mode}, ${policy.facts.rules} rules`);
	const rest = policy.lines.length > 1 ? ` (and ${policy.lines.length - 1} more)` : "";
	return failure(
		"policy",
		`${policy.lines[0] ?? "cannot be read"}${rest}`,
		"sallyport policy check FILE shows all of it.",
	);
}

function lastGood({ lastGood }: DoctorFacts): Finding {
	if (lastGood.savedAt !== null) return ok("last good policy", `kept since ${lastGood.savedAt}`);
	return warning(
		"last good policy",
		`There is none: ${lastGood.why}.`,
		"It is kept when the daemon loads a good policy file.",
	);
}

function boot({ systemd, earlyEnabled }: DoctorFacts): Finding {
	if (!systemd)
		return warning("boot", "systemd does not run here.", "Have `sallyport attach` run before the network is up.");
	if (earlyEnabled) return ok("boot", "sallyport-early.service puts the policy in force before the network");
	return warning(
		"boot",
		"Between boot and the start of the daemon nothing is enforced.",
		"systemctl enable sallyport-early",
	);
}

function resolvers({ resolvConf, resolvers, nscd }: DoctorFacts): Finding {
	if (!resolvConf) {
		return warning(
			"resolvers",
			"/etc/resolv.conf names no server: only this host is trusted.",
			"Name them under `resolvers` of the policy.",
		);
	}
	const cache = nscd ? "; nscd asks for others, so it is nscd that phase dns sees" : "";
	return ok("resolvers", `answers of ${resolvers.join(", ")} are learned${cache}`);
}

function resolved({ resolved }: DoctorFacts): Finding {
	if (!resolved.runs) return ok("systemd-resolved", "does not run");
	if (resolved.overTls) {
		return warning(
			"systemd-resolved",
			"It speaks TLS to its servers: names are learned from its stub, 127.0.0.53, only.",
			"Programs that do not ask the stub (nss-resolve) have no names: leave `resolve` out of /etc/nsswitch.conf.",
		);
	}
	return ok("systemd-resolved", "runs; its stub and its servers are trusted");
}

function clock({ now, lastGood }: DoctorFacts): Finding {
	const least = Math.max(EARLIEST, Date.parse(lastGood.savedAt ?? "") || 0);
	if (now >= least) return ok("clock", new Date(now).toISOString());
	return warning(
		"clock",
		`It says ${new Date(now).toISOString()}, which is before ${new Date(least).toISOString()}.`,
		"Set it: times in the history would be wrong. Deciding does not depend on it.",
	);
}

function disk({ disk, stateDir }: DoctorFacts): Finding {
	if (!disk.writable) {
		return failure(
			"disk",
			`${stateDir} cannot be written.`,
			"No history and no last good policy are kept until it can.",
		);
	}
	const megabytes = Math.round(disk.free / 1e6);
	if (disk.free >= ROOM) return ok("disk", `${megabytes} MB free at ${stateDir}`);
	return warning("disk", `${megabytes} MB free at ${stateDir}.`, "Make room, or keep less: --history-megabytes.");
}

/* linux/capability.h */
const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;
/* The default history, and its log. */
const ROOM = 1.2e9;
const EARLIEST = Date.UTC(2026, 0, 1);
