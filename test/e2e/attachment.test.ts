/** Programs that lose their attachment while the daemon runs. */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { must, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { NAMELESS4 } from "../support/zones.ts";

const POLICY = policy({ rules: [{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } }] });

interface Attachment {
	readonly attachment: { readonly problem: string | null; readonly repairs: number };
}

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
});
afterAll(() => stage?.close());

const repairs = async () => (await stage.daemon.get<Attachment>("/v1/status")).attachment.repairs;
/* One repair is enough, unless the daemon looks while the other tool is at work. */
const repaired = (count: number) =>
	until("the programs are attached again", 10_000, async () => {
		const { attachment } = await stage.daemon.get<Attachment>("/v1/status");
		return (attachment.repairs >= count && attachment.problem === null) || undefined;
	});
const denied = async () => (await stage.probe(["tcp", NAMELESS4, PORTS.echo])).errno;

test("links that another tool detached are attached again, and counted", async () => {
	const links = join(stage.world.pins, "links");
	for (const link of readdirSync(links)) {
		if (!/^(?:process|cgroup)_/.test(link)) must("bpftool", "link", "detach", "pinned", join(links, link));
	}
	await repaired(1);
	expect(await denied()).toBe("EACCES");
	expect(await stage.metric("sallyport_attachment_repairs_total")).toBe(await repairs());
	expect(await stage.metric("sallyport_attached")).toBe(1);
});

test("the watched cgroup is removed: readyz, healthz, status and metric say so. Made again, it is enforced", async () => {
	const { path } = stage.world.cgroup;
	const count = await repairs();
	removeLeaves(path);
	await until("not ready", 10_000, async () => (await stage.daemon.ask("GET", "/readyz")).status === 503 || undefined);
	expect((await stage.daemon.ask("GET", "/healthz")).status).toBe(503);
	expect((await stage.daemon.get<Attachment>("/v1/status")).attachment.problem).toContain("cgroup");
	expect(await stage.metric("sallyport_attached")).toBe(0);
	expect(stage.daemon.log()).toContain("packets are not judged");

	mkdirSync(path);
	await repaired(count + 1);
	expect(await denied()).toBe("EACCES");
	expect((await stage.daemon.ask("GET", "/readyz")).status).toBe(200);
	expect(await stage.record({ address: NAMELESS4, verdict: "deny" })).toMatchObject({ port: PORTS.echo });
});

test("pins that another tool replaced are restored within 10 s, counted and logged", async () => {
	const count = await repairs();
	const { pins } = stage.world;
	const map = ["type", "hash", "key", "16", "value", "4", "entries", "64", "name", "resolvers"];
	rmSync(join(pins, "maps/resolvers"));
	must("bpftool", "map", "create", join(pins, "maps/resolvers"), ...map);
	rmSync(join(pins, "marker"));
	await repaired(count + 1);
	expect(stage.daemon.log()).toContain("maps/resolvers: replaced");
	expect((await stage.daemon.ask("GET", "/readyz")).status).toBe(200);
	expect(await stage.metric("sallyport_attached")).toBe(1);
	expect(await denied()).toBe("EACCES");
});

test("a pin that cannot be restored: status, readyz and metric say so until it can", async () => {
	const pin = join(stage.world.pins, "maps/suffixes");
	rmSync(pin);
	mkdirSync(pin);
	must("mount", "-t", "tmpfs", "sallyport-test", pin);
	try {
		await until("a problem", 10_000, async () => (await stage.metric("sallyport_attached")) === 0 || undefined);
		expect((await stage.daemon.get<Attachment>("/v1/status")).attachment.problem).toContain("attached");
		expect((await stage.daemon.ask("GET", "/readyz")).status).toBe(503);
	} finally {
		must("umount", pin);
	}
	await until("ready", 10_000, async () => (await stage.daemon.ask("GET", "/readyz")).status === 200 || undefined);
});

test("a restart after the cgroup was made again does not adopt dead links", async () => {
	stage.daemon.kill();
	const { path } = stage.world.cgroup;
	removeLeaves(path);
	mkdirSync(path);
	await stage.daemon.start();
	expect(await denied()).toBe("EACCES");
});

test("a restart does not adopt links that were detached", async () => {
	stage.daemon.kill();
	must("bpftool", "link", "detach", "pinned", join(stage.world.pins, "links/connect4"));
	must("bpftool", "link", "detach", "pinned", join(stage.world.pins, "links/egress"));
	await stage.daemon.start();
	expect(await denied()).toBe("EACCES");
});

function removeLeaves(path: string): void {
	for (const entry of readdirSync(path, { withFileTypes: true })) {
		if (entry.isDirectory()) removeLeaves(join(path, entry.name));
	}
	rmdirSync(path);
}
