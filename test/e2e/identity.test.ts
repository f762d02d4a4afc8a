/** The client of a connection: processes that end within 5 ms, forks, units, and programs by file. */
import { spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, linkSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy, type TestRule } from "../support/policies.ts";
import { must } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";

const TARGET = "198.19.5.1";
let stage: Stage;
let program: string;

beforeAll(async () => {
	stage = await Stage.make(policy({ defaults: { connect: "allow" } }));
	mkdirSync(join(stage.world.folder, "opt"));
	program = join(stage.world.folder, "opt/agent");
	copyFileSync(stage.world.client("probe"), program);
});
afterAll(() => stage?.close());

test("20 processes of a few milliseconds are all identified by pid, comm, exe and arguments", async () => {
	for (let round = 0; round < 20; round++) {
		const { pid } = await stage.probe(["tcp", TARGET, PORTS.echo, `round-${round}`]);
		const seen = await stage.record({ pid });
		expect(seen).toMatchObject({
			comm: "probe",
			exe: stage.world.client("probe"),
			uid: 0,
			address: TARGET,
			port: PORTS.echo,
		});
		expect(seen.args).toContain(`tcp ${TARGET} ${PORTS.echo} round-${round}`);
	}
});

test("a forked process without exec is recorded with its own comm and its file", async () => {
	const { pid } = await stage.probe(["fork", TARGET, PORTS.echo, "worker-7"]);
	expect(await stage.record({ pid })).toMatchObject({ comm: "worker-7", exe: stage.world.client("probe") });
});

test("a cgroup created after the start is recognised as a unit immediately, with the cgroups below it", async () => {
	await stage.daemon.put(
		policy({ rules: [{ name: "agent", from: { unit: "agent.service" }, to: { ports: PORTS.echo } }] }),
	);
	for (const below of ["agent.service", "system.slice/agent.service", "system.slice/agent.service/inner/more"]) {
		const { pid, errno } = await stage.probe(["tcp", TARGET, PORTS.echo], { below });
		expect(errno, below).toBe("0");
		expect(await stage.record({ pid })).toMatchObject({
			unit: "agent.service",
			cgroup: below,
			rule: "agent",
			verdict: "allow",
		});
	}
	for (const below of ["other.service", "system.slice/other.service/agent.service"]) {
		expect((await stage.probe(["tcp", TARGET, PORTS.echo], { below })).errno, below).toBe("EACCES");
	}
	expect((await stage.probe(["tcp", TARGET, PORTS.echo])).errno).toBe("EACCES");
});

test("a unit that is removed and created again is recognised again", async () => {
	for (let round = 0; round < 5; round++) {
		stage.world.removeBelow("agent.service");
		expect((await stage.probe(["tcp", TARGET, PORTS.echo], { below: "agent.service" })).errno).toBe("0");
	}
});

test("a slice, a container and a cgroup path are matched by from", async () => {
	const id = "4f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c";
	const attempt = (below: string) => stage.probe(["tcp", TARGET, PORTS.echo], { below }).then(({ errno }) => errno);
	await stage.daemon.put(
		policy({
			rules: [
				{ name: "c", from: { container: id.slice(0, 12) } },
				{ name: "s", from: { unit: "apps.slice" } },
				{ name: "g", from: { cgroup: "plain/inner" } },
			],
		}),
	);
	expect(await attempt(`system.slice/docker-${id}.scope`)).toBe("0");
	expect(await attempt(`system.slice/docker-${id.replace("4f", "5f")}.scope`)).toBe("EACCES");
	const pod = "5f0c9a7d21e8".repeat(5).padEnd(64, "0");
	expect(await attempt(`machine.slice/machine-libpod_pod_${pod}.slice/libpod-${id}.scope/container`)).toBe("0");
	expect(await attempt(`machine.slice/machine-libpod_pod_${id}.slice/libpod-${pod}.scope/container`)).toBe("EACCES");
	expect(await attempt(`libpod_parent/${pod}/libpod-${id}`)).toBe("0");
	expect(await attempt(`libpod_parent/${id}/libpod-${pod}`)).toBe("EACCES");
	expect(await attempt("apps.slice/one.service")).toBe("0");
	expect(await attempt("plain/inner/deep")).toBe("0");
	expect(await attempt("plain")).toBe("EACCES");
});

test("an exe rule still applies after an upgrade of the file, and does not match a copy elsewhere", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { exe: program }, to: { ports: PORTS.echo } }] }));
	const attempt = (file: string) => stage.probe(["tcp", TARGET, PORTS.echo], { program: file });
	const { pid, errno } = await attempt(program);
	expect(errno).toBe("0");
	expect(await stage.record({ pid })).toMatchObject({ exe: program, rule: "agent" });
	const before = statSync(program).ino;
	copyFileSync(stage.world.client("probe"), `${program}.new`);
	renameSync(`${program}.new`, program);
	expect(statSync(program).ino).not.toBe(before);
	expect((await attempt(program)).errno, "a new file at the same path").toBe("0");
	copyFileSync(program, join(stage.world.folder, "agent"));
	expect((await attempt(join(stage.world.folder, "agent"))).errno, "a copy elsewhere").toBe("EACCES");
	linkSync(program, join(stage.world.folder, "opt/other"));
	expect((await attempt(join(stage.world.folder, "opt/other"))).errno, "another name").toBe("EACCES");
	expect((await stage.probe(["fork", TARGET, PORTS.echo, "worker"], { program })).errno, "a child of it").toBe("0");
});

test("a user rule matches the uid", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "nobody", from: { user: 65534 }, to: { ports: PORTS.echo } }] }));
	expect((await stage.probe(["tcp", TARGET, PORTS.echo])).errno).toBe("EACCES");
	const argv = ["setpriv", "--reuid", "65534", "--clear-groups", program, "tcp", TARGET, String(PORTS.echo)];
	// only root can enter the temp folder; the other user must reach the program
	const outcome = await stage.world.run(argv);
	expect(outcome.stdout, outcome.stderr).toContain('"errno":"0"');
});

test("a cgroup that is too deep has no unit: it is not allowed by one, and denied by any", async () => {
	const deep = `system.slice/agent.service/${Array.from({ length: 31 }, (_, at) => `x${at}`).join("/")}`;
	const attempt = (below: string) => stage.probe(["tcp", TARGET, PORTS.echo], { below }).then(({ errno }) => errno);
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { unit: "agent.service" } }] }));
	expect(await attempt(dirname(deep))).toBe("0");
	const { pid, errno } = await stage.probe(["tcp", TARGET, PORTS.echo], { below: deep });
	expect(errno).toBe("EACCES");
	expect(await stage.record({ pid })).toMatchObject({ verdict: "deny", unit: null, cgroup: null });
	const others = { name: "other", action: "deny", from: { unit: "other.service" } } as const;
	await stage.daemon.put(policy({ defaults: { connect: "allow" }, rules: [others] }));
	expect(await attempt(dirname(deep))).toBe("0");
	expect(await attempt(deep)).toBe("EACCES");
});

test("a denied unit that the kernel's table has lost is denied again", async () => {
	const agent = { name: "agent", action: "deny", from: { unit: "agent.service" } } as const;
	await stage.daemon.put(policy({ defaults: { connect: "allow" }, rules: [agent] }));
	const dial = `{ true 3<>/dev/tcp/${TARGET}/${PORTS.echo}; } 2>/dev/null && echo allowed || echo denied`;
	const argv = stage.world.argv(["bash", "-c", `${dial}; read; ${dial}`], "system.slice/agent.service");
	const client = spawn(argv[0]!, argv.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
	const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
	expect((await lines.next()).value).toBe("denied");
	const id = Buffer.alloc(8);
	id.writeBigUInt64LE(statSync(join(stage.world.cgroup.path, "system.slice/agent.service"), { bigint: true }).ino);
	const map = must("find", stage.world.pins, "-name", "cgroups").trim();
	must("bpftool", "map", "delete", "pinned", map, "key", ...[...id].map(String));
	client.stdin.end("\n");
	expect((await lines.next()).value).toBe("denied");
});

test("a cgroup that root made is not evicted by those of others, and is forgotten when it is removed", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { unit: "agent.service" } }] }));
	const unit = stage.world.cgroup.child("system.slice/agent.service").path;
	const others = stage.world.cgroup.child("user.slice").path;
	chownSync(others, 65534, 65534);
	const client = [stage.world.client("churn"), TARGET, String(PORTS.echo), unit, others, "20000"];
	const { stdout, stderr } = await stage.world.run(client, { timeout: 120_000 });
	expect(JSON.parse(stdout || stderr)).toEqual({ errno: "0", reply: true });

	const key = Buffer.alloc(8);
	key.writeBigUInt64LE(statSync(unit, { bigint: true }).ino);
	const map = must("find", stage.world.pins, "-name", "cgroups").trim();
	const find = () => stage.world.run(["bpftool", "map", "lookup", "pinned", map, "key", ...[...key].map(String)]);
	expect((await find()).code).toBe(0);
	stage.world.removeBelow("system.slice/agent.service");
	expect((await find()).code).not.toBe(0);
});

test("root of a user namespace is the user that made it", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "root", from: { user: 0 }, to: { protocol: "icmp" } }] }));
	chmodSync(stage.world.folder, 0o711);
	const ping = `ip link set lo up && exec ${program} icmp 127.0.0.1`;
	const inner = ["unshare", "--map-root-user", "--net", "sh", "-c", ping];
	const outcome = await stage.world.run(["setpriv", "--reuid", "65534", "--clear-groups", ...inner]);
	expect(outcome.stdout, outcome.stderr).toContain('"errno":"EPERM"');
	expect((await stage.world.run(["unshare", "--net", "sh", "-c", ping])).stdout).toContain('"errno":"0"');
});

test("below a cgroup that root gave away no name is a unit or a container", async () => {
	const id = "4f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c9a7d21e84f0c";
	const attempt = (below: string) => stage.probe(["tcp", TARGET, PORTS.echo], { below }).then(({ errno }) => errno);
	const given = (below: string) => chownSync(stage.world.cgroup.child(below).path, 65534, 65534);
	const rule = (from: NonNullable<TestRule["from"]>) => policy({ rules: [{ name: "r", from }] });
	given("given.slice");
	given("mine.service");
	given(`system.slice/docker-${id}.scope`);

	await stage.daemon.put(rule({ unit: ["agent.service", "mine.service"] }));
	expect(await attempt("mine.service/inner")).toBe("0");
	expect(await attempt("given.slice/agent.service")).toBe("EACCES");
	await stage.daemon.put(rule({ unit: "given.slice" }));
	expect(await attempt("given.slice/agent.service")).toBe("0");
	await stage.daemon.put(rule({ cgroup: "given.slice/agent.service" }));
	expect(await attempt("given.slice/agent.service/inner")).toBe("0");
	await stage.daemon.put(rule({ container: id.slice(0, 12) }));
	expect(await attempt(`system.slice/docker-${id}.scope/init`)).toBe("0");
	const { pid, errno } = await stage.probe(["tcp", TARGET, PORTS.echo], { below: `mine.service/docker-${id}.scope` });
	expect(errno).toBe("EACCES");
	expect(await stage.record({ pid })).toMatchObject({
		unit: "mine.service",
		container: null,
		cgroup: `mine.service/docker-${id}.scope`,
	});
});
