import { expect, test } from "vitest";
import { findings } from "../../../src/doctor/findings.ts";
import { CHECKS, type Check, type DoctorFacts } from "../../../src/doctor/host-facts.ts";
import { STATUS } from "../support/services.ts";

const ALL = 0x1ff_ffff_ffffn;
const WELL: DoctorFacts = {
	unseen: new Set(),
	status: null,
	machine: { uid: 0, capabilities: ALL, release: "6.12.1", btf: true, cgroup2: "/sys/fs/cgroup" },
	obstacle: null,
	trial: { programs: 11, ms: 80 },
	jit: true,
	hybrid: false,
	cgroup: "/sys/fs/cgroup",
	diag: ["inet_diag", "tcp_diag", "udp_diag"],
	bpffs: { problem: null, mountable: true },
	pins: { layout: 1, sameLayout: true, samePrograms: true, sameCgroup: true },
	links: 9,
	attached: [{ hook: "cgroup_inet_egress", name: "egress", id: 3 }],
	ownNames: ["egress"],
	daemon: { pid: 7, capabilities: ALL },
	policy: { lines: [], facts: { mode: "enforce", rules: 3, prefixes: 0, names: 0, bytes: 0 } },
	lastGood: { savedAt: "2026-11-22T00:00:00.000Z", why: null },
	resolvers: ["192.0.2.53"],
	resolvConf: true,
	resolved: { runs: false, overTls: false },
	nscd: false,
	disk: { free: 9e9, writable: true },
	stateDir: "/var/lib/sallyport",
	now: Date.UTC(2026, 10, 23),
	systemd: true,
	earlyEnabled: true,
};

test("a host without findings needs no action", () => {
	for (const finding of findings(WELL)) expect(finding, finding.check).toMatchObject({ result: "ok", advice: null });
});

const OTHER = { hook: "cgroup_inet_egress", name: "cil_egress", id: 9 };
test.each<[check: string, Partial<DoctorFacts>, result: string, words: string]>([
	["machine", { obstacle: { message: "Kernel 5.15 is older than 6.1.", hint: "Boot 6.1." } }, "failure", "5.15"],
	["programs", { trial: { error: "EACCES" } }, "failure", "EACCES"],
	["jit", { jit: false }, "warning", "interpreted"],
	["cgroups", { cgroup: null }, "failure", "No cgroup v2"],
	["cgroups", { hybrid: true }, "warning", "v1"],
	[
		"bpffs",
		{ bpffs: { problem: { message: "not mounted", hint: "mount it" }, mountable: true } },
		"warning",
		"not mounted",
	],
	["bpffs", { bpffs: { problem: { message: "elsewhere", hint: "below" }, mountable: false } }, "failure", "elsewhere"],
	["programs", { trial: { skipped: "needs a BPF file system" } }, "not_checked", "needs a BPF file system"],
	["pins", { pins: null }, "failure", "gone"],
	["pins", { pins: null, daemon: null }, "warning", "nothing is enforced"],
	["pins", { pins: { layout: 0, sameLayout: false, samePrograms: false, sameCgroup: true } }, "warning", "layout 0"],
	[
		"pins",
		{ pins: { layout: 1, sameLayout: true, samePrograms: false, sameCgroup: true } },
		"warning",
		"another build",
	],
	["pins", { links: 0 }, "failure", "no links"],
	["other programs", { attached: [...WELL.attached, OTHER] }, "warning", "cil_egress (id 9, cgroup_inet_egress)"],
	["other programs", { attached: [...WELL.attached, { ...OTHER, name: "egress" }] }, "warning", "egress (id 9"],
	["daemon", { daemon: null }, "warning", "No daemon"],
	["denied sockets", { daemon: { pid: 7, capabilities: 0xc0_0000_1000n } }, "warning", "namespaces"],
	["policy", { policy: { lines: ["p.yaml:1:2: wrong", "more"], facts: null } }, "failure", "1 more"],
	["last good policy", { lastGood: { savedAt: null, why: "it is damaged" } }, "warning", "damaged"],
	["boot", { earlyEnabled: false }, "warning", "Nothing is enforced"],
	["boot", { systemd: false }, "warning", "systemd"],
	["resolvers", { resolvConf: false }, "warning", "names no server"],
	["resolvers", { nscd: true }, "ok", "nscd"],
	["systemd-resolved", { resolved: { runs: true, overTls: true } }, "warning", "TLS"],
	["systemd-resolved", { resolved: { runs: true, overTls: false } }, "ok", "trusted"],
	["clock", { now: Date.UTC(2026, 10, 21) }, "warning", "before"],
	["disk", { disk: { free: 1e6, writable: true } }, "warning", "1 MB"],
	["disk", { disk: { free: 1e10, writable: false } }, "failure", "cannot be written"],
])("%s: %o", (check, change, result, words) => {
	const finding = findings({ ...WELL, ...change }).find((each) => each.check === check);
	expect(finding?.result).toBe(result);
	expect(finding?.text).toContain(words);
	expect(finding?.advice === null).toBe(result === "ok" || result === "not_checked");
});

test("without root, a check that needs root is neither ok nor a failure", () => {
	const unseen = new Set<Check>(CHECKS);
	const nothing: DoctorFacts = { ...WELL, trial: { error: "EPERM" }, pins: null, daemon: null, unseen };
	expect(new Set(findings(nothing).map(({ result, text, advice }) => `${result} ${text} ${advice}`))).toEqual(
		new Set(["not_checked needs root null"]),
	);
});

test("the daemon's report replaces checks that need root", () => {
	const unseen = new Set<Check>(["programs", "pins", "other programs", "policy", "disk", "last good policy"]);
	const report = (change: object) =>
		Object.fromEntries(
			findings({ ...WELL, unseen, status: { ...STATUS, ...change } }).map(({ check, result, text }) => [
				check,
				`${result}: ${text}`,
			]),
		);
	const failure = null;
	const refused = STATUS.policy.failure;
	expect(report({ policy: { ...STATUS.policy, failure }, history: { failure } })).toMatchObject({
		programs: "ok: the daemon reports 1 programs in the kernel",
		pins: "ok: the daemon reports pins at /sys/fs/bpf/sallyport",
		policy: "ok: the daemon reports generation 3, mode enforce, 2 rules",
		disk: "ok: the daemon writes its history",
		"other programs": "not_checked: needs root",
		"last good policy": "not_checked: needs root",
	});
	expect(report({ policy: { ...STATUS.policy, failure: { ...refused, source: "/etc/p.yaml" } } })["policy"]).toBe(
		"failure: The daemon refused /etc/p.yaml: (api):1:1: bad\x1b[2J.",
	);
	expect(report({ history: { failure: { message: "The disk is full." } } })).toMatchObject({
		policy: "ok: the daemon reports generation 3, mode enforce, 2 rules",
		disk: "failure: The disk is full.",
	});
	expect(report({ history: null })["disk"]).toBe("not_checked: needs root");
});
