import { countText } from "../base/text.ts";
import type { Finding } from "../cli/deps.ts";
import { CHECKS, type Check, type DoctorFacts } from "./host-facts.ts";

/** The findings, in the order of CHECKS. Pure. */
export function findings(facts: DoctorFacts): Finding[] {
	return CHECKS.map((check) => {
		if (!facts.unseen.has(check)) return JUDGES[check](facts);
		const reported = facts.status === null ? null : (REPORTED[check]?.(facts.status) ?? null);
		return reported ?? { check, result: "not_checked", text: "needs root", advice: null };
	});
}

const ok = (check: string, text: string): Finding => ({ check, result: "ok", text, advice: null });
const warning = (check: string, text: string, advice: string): Finding => ({ check, result: "warning", text, advice });
const failure = (check: string, text: string, advice: string): Finding => ({ check, result: "failure", text, advice });

function machine({ machine: { release }, obstacle }: DoctorFacts): Finding {
	if (obstacle !== null) return failure("machine", obstacle.message, obstacle.hint ?? "See docs/cli.md.");
	return ok("machine", `kernel ${release} with BTF and cgroup v2`);
}

function programs({ trial }: DoctorFacts): Finding {
	if ("skipped" in trial) return { check: "programs", result: "not_checked", text: trial.skipped, advice: null };
	if ("error" in trial) {
		return failure(
			"programs",
			`The kernel refuses the programs: ${trial.error}.`,
			"`sallyport run` prints the verifier's log.",
		);
	}
	return ok("programs", `the kernel accepts all ${trial.programs} programs, in ${Math.round(trial.ms)} ms`);
}

function jit({ jit }: DoctorFacts): Finding {
	if (jit) return ok("jit", "BPF programs are compiled");
	return warning(
		"jit",
		"BPF programs are interpreted, which is about ten times slower.",
		"sysctl net.core.bpf_jit_enable=1",
	);
}

function cgroups({ cgroup, hybrid }: DoctorFacts): Finding {
	if (cgroup === null)
		return failure(
			"cgroups",
			"No cgroup v2 directory to watch.",
			"Mount cgroup v2, or name a directory with --cgroup.",
		);
	if (!hybrid) return ok("cgroups", `unified, watched at ${cgroup}`);
	const text = `cgroup v1 is mounted beside v2 (${cgroup}). Units that systemd keeps in v1 have no name here.`;
	return warning("cgroups", text, "Boot with systemd.unified_cgroup_hierarchy=1.");
}

function bpffs({ bpffs: { problem, mountable } }: DoctorFacts): Finding {
	if (problem === null) return ok("bpffs", "mounted");
	return (mountable ? warning : failure)("bpffs", problem.message, problem.hint ?? "See docs/cli.md.");
}

function pins({ pins, links, daemon }: DoctorFacts): Finding {
	if (pins === null) {
		return daemon === null
			? warning("pins", "Nothing is pinned, so nothing is enforced.", "Start the service, or run sallyport attach.")
			: failure("pins", "The daemon runs, but its pins are gone.", "Restart it: systemctl restart sallyport.");
	}
	if (!pins.sameLayout || !pins.samePrograms) {
		const which = pins.sameLayout ? "another build" : `layout ${pins.layout}`;
		return warning(
			"pins",
			`The pins belong to ${which} of Sallyport.`,
			"The next start replaces them without a gap in enforcement.",
		);
	}
	if (links === 0) return failure("pins", "The pins hold no links, so nothing is enforced.", "Restart the service.");
	return ok("pins", `${links} links of this build`);
}

function others({ attached, ownNames }: DoctorFacts): Finding {
	/* BPF_OBJ_NAME_LEN: the kernel truncates names to 15 bytes. */
	const own = new Set(ownNames.map((name) => name.slice(0, 15)));
	const seen = new Set<string>();
	const foreign = attached.filter(({ hook, name }) => {
		const first = !seen.has(`${hook} ${name}`);
		seen.add(`${hook} ${name}`);
		return !own.has(name) || !first;
	});
	if (foreign.length === 0) return ok("other programs", "none attached to the same hooks");
	const list = foreign.map(({ hook, name, id }) => `${name || "?"} (id ${id}, ${hook})`).join(", ");
	return warning(
		"other programs",
		`Other programs are attached to the same hooks and can deny too: ${list}.`,
		"If a connection is denied that no rule denies, inspect them: bpftool cgroup tree.",
	);
}

function daemon({ daemon }: DoctorFacts): Finding {
	if (daemon !== null) return ok("daemon", `process ${daemon.pid}`);
	return warning("daemon", "No daemon runs, so nothing is recorded.", "systemctl start sallyport, or sallyport run.");
}

function destroying({ daemon, diag, machine }: DoctorFacts): Finding {
	const { capabilities } = daemon ?? machine;
	const has = (bit: number) => (capabilities & (1n << BigInt(bit))) !== 0n;
	if (!has(CAP_SYS_ADMIN) || !has(CAP_SYS_PTRACE)) {
		return warning(
			"denied sockets",
			"Denied sockets in other network namespaces (containers) are not closed. Their packets are dropped.",
			"If their programs must not wait for a timeout, use the drop-in in docs/service.md, with the risk described there.",
		);
	}
	const missing = ["inet_diag", "tcp_diag"].filter((module) => !diag.includes(module));
	if (missing.length === 0) return ok("denied sockets", "are closed in every network namespace");
	return ok(
		"denied sockets",
		`are closed in every network namespace; ${missing.join(", ")} will be loaded when needed`,
	);
}

function policy({ policy }: DoctorFacts): Finding {
	if (policy.facts !== null) return ok("policy", `mode ${policy.facts.mode}, ${countText(policy.facts.rules, "rule")}`);
	const rest = policy.lines.length > 1 ? ` (and ${policy.lines.length - 1} more)` : "";
	return failure("policy", `${policy.lines[0] ?? "cannot be read"}${rest}`, CHECK_POLICY);
}

function lastGood({ lastGood }: DoctorFacts): Finding {
	if (lastGood.savedAt !== null) return ok("last good policy", `saved at ${lastGood.savedAt}`);
	return warning(
		"last good policy",
		`Not available: ${lastGood.why}.`,
		"The daemon saves it when it loads a valid policy file.",
	);
}

function boot({ systemd, earlyEnabled }: DoctorFacts): Finding {
	if (!systemd)
		return warning("boot", "systemd does not run here.", "Run `sallyport attach` before the network is up.");
	if (earlyEnabled) return ok("boot", "sallyport-early.service puts the policy in force before the network is up");
	return warning(
		"boot",
		"Nothing is enforced between boot and the start of the daemon.",
		"systemctl enable sallyport-early",
	);
}

function resolvers({ resolvConf, resolvers, nscd }: DoctorFacts): Finding {
	if (!resolvConf) {
		return warning(
			"resolvers",
			"/etc/resolv.conf names no server, so only resolvers on this host are trusted.",
			"List resolvers under `resolvers` in the policy.",
		);
	}
	const cache = nscd ? "; nscd queries on behalf of other processes, so phase dns sees nscd as the client" : "";
	return ok("resolvers", `answers from ${resolvers.join(", ")} are trusted${cache}`);
}

function resolved({ resolved }: DoctorFacts): Finding {
	if (!resolved.runs) return ok("systemd-resolved", "does not run");
	if (resolved.overTls) {
		return warning(
			"systemd-resolved",
			"It queries its servers over TLS, so names are learned only from its stub, 127.0.0.53.",
			"Programs that bypass the stub (nss-resolve) have no names: remove `resolve` from /etc/nsswitch.conf.",
		);
	}
	return ok("systemd-resolved", "runs; its stub and its servers are trusted");
}

function clock({ now, lastGood }: DoctorFacts): Finding {
	const least = Math.max(EARLIEST, Date.parse(lastGood.savedAt ?? "") || 0);
	if (now >= least) return ok("clock", new Date(now).toISOString());
	return warning(
		"clock",
		`The time is ${new Date(now).toISOString()}, which is before ${new Date(least).toISOString()}.`,
		"Set the clock: times in the history would be wrong. Decisions do not depend on it.",
	);
}

function disk({ disk, stateDir }: DoctorFacts): Finding {
	if (!disk.writable) {
		return failure(
			"disk",
			`${stateDir} cannot be written.`,
			"Make it writable: no history and no last good policy can be saved.",
		);
	}
	const megabytes = Math.round(disk.free / 1e6);
	if (disk.free >= ROOM) return ok("disk", `${megabytes} MB free at ${stateDir}`);
	return warning("disk", `${megabytes} MB free at ${stateDir}.`, "Free some space, or lower --history-megabytes.");
}

type Status = NonNullable<DoctorFacts["status"]>;

const JUDGES: Readonly<Record<Check, (facts: DoctorFacts) => Finding>> = {
	machine,
	programs,
	jit,
	cgroups,
	bpffs,
	pins,
	"other programs": others,
	daemon,
	"denied sockets": destroying,
	policy,
	"last good policy": lastGood,
	boot,
	resolvers,
	"systemd-resolved": resolved,
	clock,
	disk,
};

/* The daemon's status as a finding of a check that needs root; null: no finding. */
const REPORTED: Partial<Record<Check, (status: Status) => Finding | null>> = {
	programs: ({ programs: { length } }) => ok("programs", `the daemon reports ${length} programs in the kernel`),
	pins: ({ pins: folder }) => ok("pins", `the daemon reports pins at ${folder}`),
	policy: ({ generation, policy: { mode, rules, failure: refused } }) => {
		/* A policy that the API refused is not a problem of the host. */
		if (refused?.source.startsWith("/"))
			return failure("policy", `The daemon refused ${refused.source}: ${refused.problems[0] ?? "?"}.`, CHECK_POLICY);
		const text = mode === null ? "loaded by an earlier daemon" : `mode ${mode}, ${countText(rules ?? 0, "rule")}`;
		return ok("policy", `the daemon reports generation ${generation}, ${text}`);
	},
	disk: ({ history }) => {
		if (history === null) return null;
		if (history.failure === null) return ok("disk", "the daemon writes its history");
		return failure("disk", history.failure.message, "See journalctl -u sallyport.");
	},
};

const CHECK_POLICY = "`sallyport policy check FILE` lists every error.";
/* linux/capability.h */
const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;
/* Bytes: the default size of the history with its write-ahead log. */
const ROOM = 1.2e9;
const EARLIEST = Date.UTC(2026, 0, 1);
