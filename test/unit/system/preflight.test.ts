import { expect, test } from "vitest";
import { sentence } from "../../../src/base/errors.ts";
import { effectiveCapabilities, type Facts, findObstacle } from "../../../src/system/preflight.ts";

const GOOD: Facts = {
	uid: 0,
	capabilities: 0x1ff_ffff_ffffn,
	release: "6.1.0-18-amd64",
	btf: true,
	cgroup2: "/sys/fs/cgroup",
};

test("a suitable machine has no obstacle", () => {
	expect(findObstacle(GOOD)).toBeNull();
	expect(findObstacle({ ...GOOD, uid: 996, capabilities: 0xc0_0000_1000n }), "the service's own user").toBeNull();
	for (const release of ["6.18.44-fc", "10.0.1", "7.2-custom", "6.1"])
		expect(findObstacle({ ...GOOD, release }), release).toBeNull();
});

test.each<[string, Partial<Facts>, string, string]>([
	["not root", { uid: 1000, capabilities: 0n }, "NOT_ROOT", "root"],
	["not root, one short", { uid: 1000, capabilities: 0x80_0000_1000n }, "CAPABILITY_MISSING", "lacks CAP_PERFMON."],
	["a capability", { capabilities: 0x1ff_ffff_ffffn & ~(1n << 39n) }, "CAPABILITY_MISSING", "CAP_BPF"],
	["all of them", { capabilities: 0n }, "CAPABILITY_MISSING", "CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF"],
	["an old kernel", { release: "5.15.0-1051-aws" }, "KERNEL_TOO_OLD", "5.15.0-1051-aws"],
	["a slightly old kernel", { release: "6.0.9" }, "KERNEL_TOO_OLD", "6.1"],
	["BTF", { btf: false }, "NO_BTF", "/sys/kernel/btf/vmlinux"],
	["cgroup v2", { cgroup2: null }, "NO_CGROUP2", "mount -t cgroup2"],
])("%s: one line that says what is missing and what to do", (_, facts, code, words) => {
	const obstacle = findObstacle({ ...GOOD, ...facts });
	expect(obstacle?.code).toBe(code);
	expect(sentence(obstacle)).toContain(words);
	expect(obstacle?.hint).toBeTruthy();
	expect(sentence(obstacle)).not.toContain("\n");
});

test("capabilities are read from /proc/self/status", () => {
	expect(effectiveCapabilities("Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n")).toBe(
		0x1ff_ffff_ffffn,
	);
	expect(effectiveCapabilities("")).toBe(0n);
});
