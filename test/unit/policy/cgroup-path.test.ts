import { describe, expect, test } from "vitest";
import { cgroupsOf, containerOf, unitsOf } from "../../../src/policy/cgroup-path.ts";

const ID = "0123456789abcdef".repeat(4);
const POD = "fedcba9876543210".repeat(4);

describe("unitsOf", () => {
	test.for([
		["", []],
		["system.slice", ["system.slice"]],
		["system.slice/agent.service", ["system.slice", "agent.service"]],
		["system.slice/agent.service/evil.service", ["system.slice", "agent.service"]],
		["user.slice/user-1.slice/session-2.scope/x.slice", ["user.slice", "user-1.slice", "session-2.scope"]],
		["docker/abc", ["docker"]],
		[".slice/a.service", [".slice"]],
		[`${"a.slice/".repeat(9)}b.service`, Array(8).fill("a.slice")],
	] as const)("%s", ([path, units]) => {
		expect(unitsOf(path)).toEqual(units);
	});
});

describe("containerOf", () => {
	test.for([
		[`system.slice/docker-${ID}.scope`, "0123456789ab"],
		[`docker/${ID}`, "0123456789ab"],
		[`kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`, "0123456789ab"],
		[`machine.slice/libpod-${ID}.scope/container`, "0123456789ab"],
		[`ecstasks.slice/ecstasks-x.slice/docker-${ID}.scope`, "0123456789ab"],
		[`machine.slice/machine-libpod_pod_${POD}.slice/libpod-${ID}.scope/container`, "0123456789ab"],
		[`machine.slice/machine-libpod_pod_${POD}.slice`, null],
		[`libpod_parent/${POD}/libpod-${ID}`, "0123456789ab"],
		[`libpod_parent/libpod-${ID}`, "0123456789ab"],
		[`libpod_parent/libpod-conmon-${ID}`, "0123456789ab"],
		[`libpod_parent/${POD}`, null],
		[`system.slice/web.service/libpod-payload-${ID}`, "0123456789ab"],
		[`kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/crio-${ID}.scope`, "0123456789ab"],
		[`kubepods/burstable/pod12-34/${ID}`, "0123456789ab"],
		[`system.slice/containerd.service/kubepods-pod12.slice:cri-containerd:${ID}`, "0123456789ab"],
		[`ecs/${"1".repeat(32)}/${ID}`, "0123456789ab"],
		[`system.slice/docker-${ID}.scope/docker/${POD}`, "0123456789ab"],
		["lxc.payload.a.slice", "a.slice"],
		["lxc.payload.web/system.slice", "web"],
		["machine.slice/machine-a\\x2db.scope", "a\\x2db"],
		["machine.slice/systemd-nspawn@db.service/payload", "db"],
		[`lxc.payload.web/docker/${ID}`, "web"],
		["system.slice/agent.service", null],
		[`docker/${ID}0`, null],
		[`docker/${ID.slice(1)}`, null],
		[`docker/a${ID}`, null],
		["lxc.payload.", null],
		["machine-.scope", null],
		[`x-${ID}-${"f".repeat(64)}`, "ffffffffffff"],
		[ID.toUpperCase(), null],
	] as const)("%s", ([path, container]) => {
		expect(containerOf(path)).toBe(container);
	});
});

test("a cgroup is below itself and each of its parents", () => {
	expect(cgroupsOf("a/b/c")).toEqual(["a", "a/b", "a/b/c"]);
	expect(cgroupsOf("")).toEqual([]);
});
