import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import { CLOSED_POLICY, OBSERVE_POLICY } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { buildPolicy, layerPolicy } from "../../../src/enforce/build-policy.ts";
import { Destroyer } from "../../../src/enforce/destroyer.ts";
import { inherited } from "../../../src/enforce/open-kernel.ts";
import { hostEnvironment } from "../../../src/enforce/policy-environment.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { installResolvers, TrustedResolvers } from "../../../src/enforce/resolvers.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import type { DecisionEvent } from "../../../src/native/event-views.ts";
import { POLICY_HEAD } from "../../../src/native/layout.ts";
import { assignSlots } from "../../../src/policy/compile/slots.ts";
import { PHASES } from "../../../src/policy/model.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const POLICY = `version: 1
mode: enforce
defaults: { connect: deny }
groups:
  - name: web
    priority: 10
    rules:
      - { name: api, action: allow, to: { cidr: 192.0.2.0/24, ports: 443 } }
`;

function service(kernel = new FakeKernel(), forceObserve = false, generation = 0, slots = new SlotBook(null)) {
	const lines: string[] = [];
	const policy = new PolicyService({
		kernel,
		build: async (request) => buildPolicy(request, hostEnvironment({ folder, uidOf: () => null, mountinfo: () => "" })),
		layer: async (request) => layerPolicy(request),
		slots,
		hashKey: [1, 2, 3, 4],
		generation,
		forceObserve,
		keepGenerations: 3,
		log: jsonLogger((line) => lines.push(line)),
	});
	return { policy, kernel, lines };
}

test("a policy is compiled and put in force under the next generation, and its rules have names", async () => {
	const { policy, kernel } = service(new FakeKernel(true), false, 41);
	expect(await policy.load(POLICY, "p.yaml", "file")).toMatchObject({ ok: true, policy: { generation: 42 } });
	expect(kernel.installed).toEqual([42]);
	expect(kernel.policy?.readUInt32LE(POLICY_HEAD.generation)).toBe(42);
	expect(policy.names.ruleOf(42, 0, null)).toEqual({ group: "web", name: "api" });
	expect(policy.names.ruleOf(41, 0, null)).toBeNull();
	for (let round = 0; round < 3; round++) await policy.load(POLICY, "p.yaml", "file");
	expect(policy.names.ruleOf(42, 0, null)).toBeNull();
	expect(policy.names.ruleOf(43, 0, null)).not.toBeNull();
});

test("warnings about a policy are logged when it is loaded, with their positions", async () => {
	const { policy, lines } = service();
	await policy.load(POLICY, "p.yaml", "file");
	expect(lines.join()).not.toContain("warning");
	await policy.load(POLICY.replace("cidr: 192.0.2.0/24, ports: 443", "domain: a.example"), "p.yaml", "file");
	expect(lines.join()).toContain("p.yaml:8:43: warning: rule ");
});

test("an invalid policy changes nothing and is reported in log, status and counter; a valid one clears the error", async () => {
	const { policy, kernel, lines } = service();
	await policy.load(POLICY, "p.yaml", "file");
	const result = await policy.load(POLICY.replace("allow", "alow"), "p.yaml", "file");
	expect(result).toMatchObject({ ok: false, problems: [{ file: "p.yaml", line: 8, suggestion: "allow" }] });
	expect(kernel.installed).toEqual([1]);
	expect(policy).toMatchObject({ healthy: false, counts: { loaded: 1, refused: 1 }, generation: 1 });
	expect(policy.lastFailure?.problems).toHaveLength(1);
	expect(lines.at(-1)).toContain("stays in force");
	await policy.load(POLICY, "p.yaml", "file");
	expect(policy.lastFailure).toBeNull();
});

test("a kernel that refuses the policy leaves the old one", async () => {
	const { policy, kernel } = service();
	await policy.load(POLICY, "p.yaml", "file");
	kernel.installPolicy = () => {
		throw new Error("ENOMEM");
	};
	expect(await policy.load(POLICY, "p.yaml", "file")).toMatchObject({ ok: false, problems: [{ message: "ENOMEM" }] });
	expect(policy.current?.generation).toBe(1);
});

test("observe judges by the policy, but in mode observe; its own policy is good", async () => {
	const { policy } = service(new FakeKernel(), true);
	await policy.load(POLICY, "p.yaml", "file");
	expect(policy.current?.policy.mode).toBe("observe");
	expect(await policy.load(OBSERVE_POLICY, "(built-in)", "built-in")).toMatchObject({ ok: true });
});

test("the closed policy denies in each phase whatever its rules do not allow", async () => {
	const { policy } = service();
	await policy.load(CLOSED_POLICY, "(built-in)", "built-in");
	const { mode, defaults } = policy.current?.policy ?? {};
	expect(mode).toBe("enforce");
	expect(Object.entries(defaults ?? {})).toEqual(PHASES.map((phase) => [phase, "deny"]));
});

test("the file is read again when it changed, not when it was only touched", async () => {
	const { policy } = service();
	const file = join(folder, "p.yaml");
	expect(await policy.loadFile(file)).toMatchObject({ ok: false, problems: [{ message: "no such file" }] });
	writeFileSync(file, POLICY);
	expect(await policy.loadFileIfChanged(file)).toMatchObject({ ok: true });
	expect(await policy.loadFileIfChanged(file)).toBeNull();
	writeFileSync(file, `${POLICY}# more\n`);
	expect(await policy.loadFileIfChanged(file)).toMatchObject({ ok: true });
});

test("hash key and generation come from the policy that an earlier daemon left", async () => {
	const { policy, kernel } = service(new FakeKernel(true), false, 6);
	await policy.load(POLICY, "p.yaml", "file");
	expect(inherited(kernel)).toMatchObject({ generation: 7, hashKey: [1, 2, 3, 4] });
	const fresh = inherited(new FakeKernel());
	expect(fresh.generation).toBe(0);
	expect(inherited(new FakeKernel()).hashKey).not.toEqual(fresh.hashKey);
});

test("a policy that decides is not called refused because its slots cannot be kept", async () => {
	writeFileSync(join(folder, "no-folder"), "");
	const { policy, kernel, lines } = service(
		new FakeKernel(),
		false,
		0,
		new SlotBook(join(folder, "no-folder/slots.json")),
	);
	expect(await policy.load(POLICY, "p.yaml", "file")).toMatchObject({ ok: true });
	expect(kernel.installed).toEqual([1]);
	expect(policy).toMatchObject({ healthy: true, counts: { loaded: 1, refused: 0 } });
	expect(lines.join("")).toContain("cannot be saved");
});

test("slots outlive reloads and restarts; adopted counts without a book begin at 0", () => {
	const file = join(folder, "slots.json");
	const counters = new BigUint64Array(2048 * 8);
	const book = new SlotBook(file);
	book.restore(null);
	const first = assignSlots(book.entries, ["a/x", "a/y"], 1);
	book.commit(first, () => counters);
	const [slotX = 0, slotY = 0] = first.byRule;
	counters[(slotX * 4 + 1) * 2] = 10n;
	expect(book.count(counters, slotX, 1)).toEqual({ enforced: 10, observed: 0 });
	const again = new SlotBook(file);
	again.restore(counters);
	expect([...assignSlots(again.entries, ["a/y", "a/x"], 2).byRule]).toEqual([slotY, slotX]);
	expect(again.count(counters, slotX, 1).enforced).toBe(10);
	const lost = new SlotBook(join(folder, "none.json"));
	lost.restore(counters);
	expect(lost.count(counters, slotX, 1).enforced).toBe(0);
	writeFileSync(file, "{broken");
	expect(() => new SlotBook(file).restore(null)).not.toThrow();
});

test("the kernel's resolvers become exactly the given ones", () => {
	const kernel = new FakeKernel();
	const set = (...addresses: string[]) => new Set(addresses.map((address) => packAddress(address) ?? ""));
	expect(installResolvers(kernel, set("10.0.0.1", "::1"))).toEqual({ added: 2, removed: 0 });
	expect(installResolvers(kernel, set("10.0.0.1", "10.0.0.2"))).toEqual({ added: 1, removed: 1 });
	expect(kernel.dump("resolvers").count).toBe(2);
	expect(kernel.lookup("resolvers", Buffer.from(packAddress("10.0.0.2") ?? "", "latin1"))?.readUInt32LE()).toBe(1);
});

test("resolvers of an adopted policy stay trusted until another policy is loaded", () => {
	const kernel = new FakeKernel();
	const [theirs] = ["192.0.2.53"].map((address) => packAddress(address) ?? "");
	installResolvers(kernel, new Set([theirs ?? ""]));
	const resolvers = new TrustedResolvers(
		kernel,
		null,
		jsonLogger(() => {}),
	);
	resolvers.update(null);
	expect(resolvers.texts()).toContain("192.0.2.53");
	expect(kernel.lookup("resolvers", Buffer.from(theirs ?? "", "latin1"))).not.toBeNull();
	resolvers.update(["192.0.2.54"]);
	expect(resolvers.texts()).toContain("192.0.2.54");
	expect(resolvers.texts()).not.toContain("192.0.2.53");
});

test("a program is found through links, on the device that holds it, also before it is installed", () => {
	writeFileSync(join(folder, "real"), "");
	symlinkSync(join(folder, "real"), join(folder, "link"));
	const environment = hostEnvironment({
		folder,
		uidOf: () => null,
		mountinfo: () => "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 /sub /tmp rw - ext4 b rw\n",
	});
	const inside = `/sub${join(folder, "real").slice("/tmp".length)}`;
	expect(environment.exeOf(join(folder, "link"))).toEqual([{ dev: 8 * 0x100000 + 2, path: inside }]);
	expect(environment.exeOf(join(folder, "later/tool"))).toEqual([
		{ dev: 8 * 0x100000 + 2, path: inside.replace("real", "later/tool") },
	]);
	expect(environment.exeOf("relative")).toEqual([]);
});

test("a denied socket is ended in its own network namespace, once at a time, and the result counted", async () => {
	const kernel = new FakeKernel();
	const lines: string[] = [];
	const ids: Record<string, string | null> = { self: "net:[1]", 10: "net:[1]", 11: "net:[2]", 12: null, 13: "net:[3]" };
	const path = (pid: number) => `/proc/${pid}/ns/net`;
	const namespaces = {
		of: (pid: number | "self") => ids[pid] ?? null,
		path,
		all: () =>
			new Map(Object.entries(ids).flatMap(([pid, id]) => (id === null || pid === "self" ? [] : [[id, Number(pid)]]))),
	};
	const destroyer = new Destroyer({ kernel, log: jsonLogger((line) => lines.push(line)), namespaces });
	const event = (cookie: number, tgid: number, netns: number) =>
		({
			cookie,
			tgid,
			netns,
			protocol: 6,
			local: packAddress("10.0.0.1"),
			remote: packAddress("::1"),
			localPort: 1,
			remotePort: 2,
		}) as unknown as DecisionEvent;
	const destroy = async (...events: DecisionEvent[]) => {
		kernel.destroyed.length = 0;
		for (const each of events) destroyer.destroy(each);
		await new Promise((resolve) => setTimeout(resolve, 5));
		return kernel.destroyed.map(({ cookie, netns }) => [cookie, netns]);
	};
	expect(await destroy(event(1, 10, 100), event(1, 10, 100))).toEqual([[1n, null]]);
	expect(kernel.destroyed[0]).toMatchObject({
		local: Buffer.from("00000000000000000000ffff0a000001", "hex"),
		protocol: 6,
	});
	expect(await destroy(event(-2, 11, 200))).toEqual([[0xffff_ffff_ffff_fffen, path(11)]]);
	expect(await destroy(event(3, 12, 200)), "gone, but its namespace is known").toEqual([[3n, path(11)]]);
	kernel.destroyIn = (netns) => (netns === path(13) ? 0 : 2);
	const everywhere = [null, path(11), path(13)];
	expect(await destroy(event(4, 0, 300)), "searched").toEqual(everywhere.map((netns) => [4n, netns]));
	expect(await destroy(event(5, 0, 300)), "found before").toEqual([[5n, path(13)]]);
	kernel.destroyIn = (netns) => {
		if (netns === path(14)) return 0;
		if (netns === path(13)) Object.assign(ids, { 13: null, 14: "net:[3]" });
		return 2;
	};
	expect((await destroy(event(8, 0, 400))).at(-1), "the process that led there ends meanwhile").toEqual([8n, path(14)]);
	kernel.destroyIn = () => 2;
	expect(await destroy(event(6, 10, 100)), "gone is gone").toEqual([[6n, null]]);
	kernel.destroyIn = () => 1;
	await destroy(event(7, 10, 100));
	expect(destroyer.counts).toEqual({ destroyed: 6, gone: 1, failed: 1 });
	expect(lines).toHaveLength(1);
});
