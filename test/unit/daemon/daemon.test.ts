/** The whole daemon, on a kernel in memory. */

import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import { DEFAULTS } from "../../../src/base/config.ts";
import { CONTROL, LEARNED, NAME, VERDICT } from "../../../src/native/layout.ts";
import { learnedKey } from "../../../src/native/learned-key.ts";
import type { ConnectionView } from "../../../src/records/view.ts";
import { cgroupRoot } from "../../support/cgroup.ts";
import { Daemons, onCgroup2 } from "../support/daemons.ts";
import { batch, cgroupEvent, connect, hello, processEvent } from "../support/events.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const POLICY = `version: 1
mode: enforce
resolvers: [192.0.2.53]
defaults: { connect: deny }
groups:
  - name: web
    priority: 10
    rules:
      - { name: api, action: allow, to: { cidr: 192.0.2.0/24, ports: 443 } }
`;

let daemons: Daemons;
beforeEach(() => {
	daemons = new Daemons(POLICY);
});
afterEach(() => daemons.close());

const start: Daemons["start"] = (kernel, changes) => daemons.start(kernel, changes);
const ask: Daemons["ask"] = (...asked) => daemons.ask(...asked);
const getJson = <T>(path: string) => daemons.getJson<T>(path);

onCgroup2(
	"starts in order: load, write the cgroup, load the policy and resolvers, attach, drain the ring",
	async () => {
		const kernel = new FakeKernel();
		await start(kernel);
		expect(kernel.calls).toEqual(["load", "attach", "start", "drain"]);
		const control = kernel.lookup("control", Buffer.alloc(4));
		expect(control?.readUInt32LE(CONTROL.root)).toBe(statSync(cgroupRoot()).ino);
		expect(control?.readUInt32LE(CONTROL.daemonPid)).toBe(process.pid);
		expect(control?.readUInt32LE(CONTROL.announce)).toBeGreaterThan(0);
		expect(kernel.installed).toEqual([1]);
		expect(kernel.lookup("resolvers", Buffer.from(packAddress("192.0.2.53") ?? "", "latin1"))).not.toBeNull();
		expect(await ask("GET", "/healthz")).toMatchObject({ status: 200 });
		expect(daemons.lines.join("")).toContain('"running"');
	},
);

onCgroup2("events become connections with rule names, metrics and denials that end sockets", async () => {
	const kernel = new FakeKernel();
	await start(kernel);
	kernel.deliver(
		batch(
			processEvent(),
			cgroupEvent("system.slice/agent.service/"),
			connect({ rule: 0, reason: 1 }),
			hello("bad.example", { verdict: VERDICT.deny, tgid: process.pid }),
		),
	);
	const { connections } = await getJson<{ connections: ConnectionView[] }>("/v1/connections");
	expect(connections).toHaveLength(1);
	expect(connections[0]).toMatchObject({
		verdict: "deny",
		phase: "tls",
		name: "bad.example",
		unit: "agent.service",
		decisions: { connect: { group: "web", rule: "api" } },
	});
	expect(kernel.destroyed).toHaveLength(1);
	expect(kernel.destroyed[0]?.netns).toBeNull();
	const { text } = await ask("GET", "/metrics");
	expect(text).toContain('sallyport_sockets_destroyed_total{result="destroyed"} 1');
	expect(text).toContain('sallyport_connections{state="open"} 1');
	expect(text).toContain("sallyport_policy_generation 1");
	expect(await getJson("/v1/status")).toMatchObject({
		version: "1.2.3",
		adopted: false,
		generation: 1,
		policy: { mode: "enforce", rules: 1, failure: null },
		resolvers: expect.arrayContaining(["192.0.2.53"]),
		search: expect.arrayContaining(["svc.cluster.local"]),
	});
});

onCgroup2(
	"the file is read again on change and on reload; a bad one is refused and shown; PUT puts another in force",
	async () => {
		const kernel = new FakeKernel();
		const daemon = await start(kernel);
		writeFileSync(join(daemons.folder, "policy.yaml"), `${POLICY}# changed\n`);
		await expect.poll(() => kernel.installed).toEqual([1, 2]);
		writeFileSync(join(daemons.folder, "policy.yaml"), "version: 1\nmode: sideways\n");
		await daemon.reload();
		expect(kernel.installed).toEqual([1, 2]);
		expect(await getJson("/v1/status")).toMatchObject({
			generation: 2,
			policy: { failure: { problems: [expect.stringContaining("policy.yaml:2")] } },
		});
		expect((await ask("GET", "/metrics")).text).toContain("sallyport_policy_load_success 0");
		expect(await ask("PUT", "/v1/policy", "nonsense: [")).toMatchObject({ status: 422 });
		expect(await ask("PUT", "/v1/policy", POLICY)).toMatchObject({ status: 200 });
		expect(kernel.installed).toEqual([1, 2, 3]);
		expect(await getJson("/v1/policy")).toMatchObject({ origin: "api", generation: 3, text: POLICY });
		expect(readFileSync(join(daemons.folder, "policy.yaml"), "utf8")).toContain("sideways");
	},
);

onCgroup2("a stop keeps or removes the programs as configured, and removes socket and lock", async () => {
	const kernel = new FakeKernel();
	await (await start(kernel)).stop();
	expect(kernel.calls.slice(-2)).toEqual(["stop", "close"]);
	expect(existsSync(join(daemons.folder, "api.sock"))).toBe(false);
	const again = new FakeKernel();
	await (await start(again, { onExit: "open" })).stop();
	expect(again.calls.slice(-3)).toEqual(["stop", "detach", "close"]);
});

onCgroup2("pins outside a BPF file system are refused, and nothing is mounted, loaded or hidden", async () => {
	const kernel = new FakeKernel();
	const pins = join(dirname(daemons.folder), "not-bpf/pins");
	await expect(start(kernel, { pins })).rejects.toMatchObject({
		code: "NO_BPFFS",
		hint: "Name a folder below /sys/fs/bpf, for example /sys/fs/bpf/pins.",
	});
	expect(kernel.calls).toEqual([]);
});

onCgroup2("a first start that fails after it has attached leaves nothing in the kernel", async () => {
	await using busy = await busyPort();
	const { listen } = busy;
	for (const changes of [{ metrics: { ...DEFAULTS.metrics, listen } }, { listen }]) {
		const kernel = new FakeKernel();
		await expect(start(kernel, changes)).rejects.toMatchObject({ code: "LISTEN_FAILED" });
		expect(kernel.calls.slice(-3)).toEqual(["stop", "detach", "close"]);
	}
});

onCgroup2("a later start that fails puts the earlier policy and its resolvers back in force", async () => {
	const first = new FakeKernel();
	await (await start(first)).stop();
	const adopted = new FakeKernel(true);
	adopted.policy = first.policy;
	const resolver = Buffer.from(packAddress("192.0.2.7") ?? "", "latin1");
	adopted.update("resolvers", resolver, Buffer.from([1, 0, 0, 0]));
	writeFileSync(join(daemons.folder, "policy.yaml"), `${POLICY}# changed\n`);
	await using busy = await busyPort();
	await expect(start(adopted, { listen: busy.listen })).rejects.toMatchObject({
		code: "LISTEN_FAILED",
	});
	expect(adopted.installed).toEqual([2, 1]);
	expect(adopted.policy).toEqual(first.policy);
	expect(adopted.dump("resolvers").keys).toEqual(resolver);
	expect(adopted.calls).not.toContain("detach");
	expect(adopted.calls.at(-1)).toBe("close");
});

onCgroup2("one of two PUTs that replace the same policy is refused, also if they arrive together", async () => {
	await start(new FakeKernel());
	const { etag } = await getJson<{ etag: string }>("/v1/policy");
	const puts = ["a", "b"].map((each) => ask("PUT", "/v1/policy", `${POLICY}# ${each}`, { "if-match": etag }));
	expect((await Promise.all(puts)).map(({ status }) => status).sort()).toEqual([200, 412]);
	expect(await getJson("/v1/status")).toMatchObject({ generation: 2 });
});

onCgroup2("a policy that cannot be loaded ends a first start, and nothing stays in the kernel", async () => {
	const kernel = new FakeKernel();
	writeFileSync(join(daemons.folder, "policy.yaml"), "mode: x");
	await expect(start(kernel)).rejects.toMatchObject({
		code: "POLICY_INVALID",
		message: expect.stringContaining("policy.yaml:1"),
	});
	expect(kernel.calls.slice(-2)).toEqual(["detach", "close"]);
	await expect(start(new FakeKernel(), { policy: join(daemons.folder, "none.yaml") })).rejects.toMatchObject({
		code: "POLICY_INVALID",
	});
});

onCgroup2("with an earlier daemon's policy in force a bad file does not stop it from seeing", async () => {
	const first = new FakeKernel();
	await (await start(first)).stop();
	const adopted = new FakeKernel(true);
	adopted.policy = first.policy;
	writeFileSync(join(daemons.folder, "policy.yaml"), "mode: x");
	await start(adopted);
	expect(adopted.installed).toEqual([]);
	expect(adopted.calls).not.toContain("detach");
	expect(await ask("GET", "/healthz")).toMatchObject({ status: 200 });
	expect(await ask("GET", "/v1/policy")).toMatchObject({ status: 404 });
	expect(await getJson("/v1/status")).toMatchObject({ adopted: true, generation: 1, policy: { mode: null } });
});

onCgroup2("an adopted kernel's names, generation and counters go on", async () => {
	const first = new FakeKernel();
	await (await start(first)).stop();
	const adopted = new FakeKernel(true);
	adopted.policy = first.policy;
	const name = Buffer.alloc(NAME.bytes);
	name.writeUInt16LE(name.write("api.example.com", NAME.text), NAME.textLength);
	adopted.update("names", Buffer.from("8877665544332211", "hex"), name);
	const learned = Buffer.alloc(LEARNED.bytes);
	learned.writeBigUInt64LE(0x1122334455667788n, LEARNED.name);
	learned.writeBigUInt64LE(10n ** 18n, LEARNED.expires);
	adopted.update("covered", learnedKey(7, Buffer.from(packAddress("192.0.2.1") ?? "", "latin1")), learned);
	await start(adopted);
	expect(adopted.installed).toEqual([2]);
	adopted.deliver(batch(connect()));
	const { connections } = await getJson<{ connections: ConnectionView[] }>("/v1/connections");
	expect(connections[0]).toMatchObject({ name: "api.example.com", nameSource: "dns" });
});

onCgroup2("an invalid cgroup or a listener off loopback is refused before anything is loaded", async () => {
	const kernel = new FakeKernel();
	await expect(start(kernel, { cgroup: "/nonexistent" })).rejects.toMatchObject({ code: "BAD_CGROUP" });
	await expect(start(kernel, { cgroup: "/tmp" })).rejects.toMatchObject({ code: "BAD_CGROUP" });
	await expect(start(kernel, { listen: "0.0.0.0:1" })).rejects.toMatchObject({ code: "NOT_LOOPBACK" });
	expect(kernel.calls).toEqual([]);
});

onCgroup2("events without a wake-up are drained by a timer, which stops when the ring is empty", async () => {
	const kernel = new FakeKernel();
	await start(kernel);
	const drains = () => kernel.calls.filter((call) => call === "drain").length;
	const before = drains();
	kernel.waiting.push(batch(connect({ cookie: 2n })));
	kernel.deliver(batch(connect({ cookie: 1n })));
	await expect.poll(drains).toBeGreaterThan(before);
	expect(kernel.waiting).toEqual([]);
	/* The timer of the empty batch has expired by now, even on a slow machine. */
	await expect.poll(() => settledDrains(drains), { timeout: 5_000 }).toBe(true);
	expect((await getJson<{ connections: unknown[] }>("/v1/connections")).connections).toHaveLength(2);
});

onCgroup2("memory of the start is released shortly after it", async () => {
	const kernel = new FakeKernel();
	await start(kernel);
	expect(kernel.calls).not.toContain("give back");
	await expect.poll(() => kernel.calls).toContain("give back");
	expect(daemons.lines.join("")).not.toContain("failed");
});

async function settledDrains(drains: () => number): Promise<boolean> {
	const before = drains();
	await new Promise((resolve) => setTimeout(resolve, 200));
	return drains() === before;
}

async function busyPort(): Promise<AsyncDisposable & { readonly listen: string }> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		listen: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		async [Symbol.asyncDispose]() {
			server.close();
		},
	};
}
