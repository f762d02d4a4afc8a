/** Learned addresses: for which network namespace they count, and which names others cannot push out. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { packAddress, packedBytes } from "../../src/base/address.ts";
import type { Kernel } from "../../src/native/binding.ts";
import { JUDGE_REQUEST, LEARN_REQUEST, NAMES_PER_ADDRESS, PHASE } from "../../src/native/layout.ts";
import { NETNS_ANY } from "../../src/native/learned-key.ts";
import { reasonNames } from "../../src/native/vocabulary.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import { Scratch } from "../native/scratch.ts";
import { type TestRule, policy as textOf } from "../support/policies.ts";
import { policy as parsed } from "../unit/policy/parsing.ts";

const HERE = 7;
const ELSEWHERE = 8;
const ADDRESS = "192.0.2.1";
const OTHER = "192.0.2.2";
const RULE = { name: "good", to: { domain: "**.good.test" } };

let scratch: Scratch;
let kernel: Kernel;
beforeEach(() => {
	scratch = new Scratch();
	kernel = scratch.load({ detached: true, sizes: { learned: 1_024, covered: 16_384 } });
	install([RULE]);
});
afterEach(() => scratch.close());

let generation = 0;
function install(rules: readonly TestRule[]): void {
	const policy = parsed(textOf({ rules, more: { ttl: { floor: 0, grace: 0 } } }));
	const slots = policy.rules.map(({ index }) => index);
	kernel.installPolicy(compile(policy, { generation: ++generation, hashKey: [1, 2, 3, 4], slots }).rows, generation);
}

function learn(name: string, address: string, { netns = HERE, cgroup = 0, ttl = 600 } = {}): boolean {
	const request = Buffer.alloc(LEARN_REQUEST.bytes);
	packedBytes(packAddress(address)!).copy(request, LEARN_REQUEST.address);
	request.writeBigUInt64LE(BigInt(netns), LEARN_REQUEST.netns);
	request.writeBigUInt64LE(BigInt(cgroup), LEARN_REQUEST.cgroup);
	request.writeUInt32LE(ttl, LEARN_REQUEST.ttl);
	request.writeUInt16LE(request.write(name, LEARN_REQUEST.name), LEARN_REQUEST.nameLength);
	const { retval, data } = kernel.testRun("learn_address", request, 1);
	expect(retval).toBe(0);
	return data.readUInt8(LEARN_REQUEST.learned) === 1;
}

/** The verdict and reason of phase connect, or of phase tls with this name. */
function judge(address: string, netns: number, name?: string): string {
	const request = Buffer.alloc(JUDGE_REQUEST.bytes);
	packedBytes(packAddress(address)!).copy(request, JUDGE_REQUEST.remote);
	request.writeBigUInt64LE(BigInt(netns), JUDGE_REQUEST.netns);
	request.writeUInt16LE(443, JUDGE_REQUEST.remotePort);
	request.writeUInt8(6, JUDGE_REQUEST.protocol);
	request.writeUInt8(name === undefined ? PHASE.connect : PHASE.tls, JUDGE_REQUEST.phase);
	if (name !== undefined) request.writeUInt16LE(request.write(name, JUDGE_REQUEST.name), JUDGE_REQUEST.nameLength);
	const { data } = kernel.testRun("judge", request, 1);
	const verdict = data.readUInt8(JUDGE_REQUEST.action) === 1 ? "allow" : "deny";
	return `${verdict} ${reasonNames[data.readUInt8(JUDGE_REQUEST.reason)]}`;
}

/** Makes the cgroup one of a unit, by which the kernel counts. */
function unit(cgroup: number): number {
	const key = Buffer.alloc(8);
	key.writeBigUInt64LE(BigInt(cgroup));
	const value = Buffer.alloc(8 + 32 * 8); // struct sp_cgroup_ids
	value.writeUInt8(1, 4);
	value.writeBigUInt64LE(BigInt(cgroup * 1_000), 8);
	kernel.update("cgroups", key, value);
	return cgroup;
}

const numbered = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;

test("an address counts in the namespace in which it was asked for", () => {
	learn("a.good.test", ADDRESS);
	expect([HERE, ELSEWHERE].map((netns) => judge(ADDRESS, netns))).toEqual(["allow rule", "deny default"]);
	expect([HERE, ELSEWHERE].map((netns) => judge(ADDRESS, netns, "a.good.test"))).toEqual([
		"allow rule",
		"deny name_unbound",
	]);
});

test("an address that the daemon asked for counts in each namespace", () => {
	learn("a.good.test", ADDRESS, { netns: NETNS_ANY });
	expect([HERE, ELSEWHERE].map((netns) => judge(ADDRESS, netns))).toEqual(["allow rule", "allow rule"]);
	expect(judge(ADDRESS, ELSEWHERE, "a.good.test")).toBe("allow rule");
});

test("an expired name, and one with too many addresses, are the reason of a denial", async () => {
	learn("a.good.test", ADDRESS, { ttl: 0 });
	await new Promise((done) => setTimeout(done, 20));
	expect([judge(ADDRESS, HERE), judge(ADDRESS, HERE, "a.good.test")]).toEqual([
		"deny name_expired",
		"deny name_expired",
	]);
	for (let i = 0; i < 1_024; i++) expect(learn("b.good.test", numbered(i))).toBe(true);
	expect(learn("b.good.test", OTHER)).toBe(false);
	expect([judge(OTHER, HERE), judge(OTHER, HERE, "b.good.test")]).toEqual(["deny name_capped", "deny name_capped"]);
	expect(judge(numbered(0), HERE)).toBe("allow rule");
	learn("a.good.test", ADDRESS);
	expect(judge(ADDRESS, HERE), "answered again").toBe("allow rule");
});

test("names that no rule allows push out neither an address nor a name of it", () => {
	learn("a.good.test", ADDRESS);
	for (let i = 0; i < 2 * NAMES_PER_ADDRESS; i++) learn(`n${i}.bad.test`, ADDRESS);
	for (let i = 0; i < 8_000; i++) learn(`m${i >> 8}.bad.test`, numbered(i));
	expect(judge(ADDRESS, HERE)).toBe("allow rule");
});

test("an asker with many allowed names replaces its own names of an address", () => {
	learn("a.good.test", ADDRESS, { cgroup: unit(1), ttl: 10 });
	for (let i = 0; i < 2 * NAMES_PER_ADDRESS; i++) learn(`n${i}.user.good.test`, ADDRESS, { cgroup: unit(2) });
	expect(judge(ADDRESS, HERE, "a.good.test")).toBe("allow rule");
	expect(judge(ADDRESS, HERE, `n${2 * NAMES_PER_ADDRESS - 1}.user.good.test`)).toBe("allow rule");
});

test("an asker with thousands of allowed addresses does not push out those of others", () => {
	learn("a.good.test", ADDRESS, { cgroup: unit(1) });
	for (let i = 0; i < 40_000; i++) learn(`n${i >> 8}.user.good.test`, numbered(i), { cgroup: unit(2) });
	expect(judge(ADDRESS, HERE)).toBe("allow rule");
	learn("b.good.test", OTHER, { cgroup: unit(3) });
	expect(judge(OTHER, HERE)).toBe("allow rule");
});
