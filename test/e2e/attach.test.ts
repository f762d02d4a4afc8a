/** The policy in force without a daemon, as after a boot, a stop and the package's removal. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	existsSync,
	fstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { status } from "../support/api.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { NAMELESS4 } from "../support/zones.ts";

const GOOD = "198.19.5.1";
const POLICY = policy({ rules: [{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } }] });
const OPEN = "version: 1\nmode: enforce\n";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY, { start: false });
});
afterAll(() => stage?.close());
afterEach(() => {
	stage.daemon.stop();
	sallyport("detach");
	rmSync(join(stage.world.folder, "state"), { recursive: true, force: true });
	writeFileSync(stage.daemon.policyFile, POLICY);
	stage.daemon.flags.length = 0;
});

function flags(command: string): string[] {
	const { cgroup, pins, folder } = stage.world;
	const own = ["--pins", pins, "--runtime-dir", join(folder, "run")];
	if (command !== "attach") return own;
	return [...own, "--cgroup", cgroup.path, "--policy", stage.daemon.policyFile, "--state-dir", join(folder, "state")];
}

function sallyport(command: "attach" | "detach", ...more: string[]) {
	const args = [join(ROOT, "src/main.ts"), command, ...flags(command), "--json", ...more];
	const { status: code, stdout, stderr } = spawnSync(NODE, args, { encoding: "utf8" });
	return { code, stderr, result: (stdout === "" ? null : JSON.parse(stdout)) as Record<string, unknown> | null };
}

const probe = async (address: string) => (await stage.probe(["tcp", address, PORTS.echo, "hello"])).errno;

test("attach applies the last good policy, even if the file has changed; detach removes everything", async () => {
	await stage.daemon.start();
	stage.daemon.kill();
	sallyport("detach");
	expect(await probe(NAMELESS4), "nothing is in force").not.toBe("EACCES");
	writeFileSync(stage.daemon.policyFile, OPEN);
	expect(sallyport("attach")).toMatchObject({ code: 0, result: { origin: "kept", mode: "enforce", rules: 1 } });
	expect(await probe(NAMELESS4)).toBe("EACCES");
	expect(await probe(GOOD)).toBe("0");
	expect(sallyport("attach", "--anew")).toMatchObject({ code: 0, result: { origin: "file", rules: 0 } });
	expect(await probe(NAMELESS4)).not.toBe("EACCES");
	expect(sallyport("detach").result).toMatchObject({ wasThere: true });
	expect(existsSync(stage.world.pins) ? readdirSync(stage.world.pins) : []).toEqual([]);
	expect(sallyport("detach").result).toMatchObject({ wasThere: false });
});

test("a daemon adopts the policy of attach, and continues its generation", async () => {
	await stage.daemon.start();
	stage.daemon.kill();
	sallyport("detach");
	const { result } = sallyport("attach");
	await stage.daemon.start();
	expect(await status(stage.daemon)).toMatchObject({ adopted: true, generation: Number(result?.["generation"]) + 1 });
	expect(await probe(NAMELESS4)).toBe("EACCES");
});

test("without a good policy, open leaves nothing in the kernel and closed allows loopback only", async () => {
	writeFileSync(stage.daemon.policyFile, "nonsense: [");
	expect(sallyport("attach")).toMatchObject({ code: 3, result: { origin: "nothing" } });
	expect(await probe(GOOD)).toBe("0");
	expect(sallyport("attach", "--otherwise", "closed")).toMatchObject({ code: 0, result: { origin: "closed" } });
	expect(await probe(GOOD)).toBe("EACCES");
	expect(await probe("127.0.0.1")).not.toBe("EACCES");
});

test("an invalid policy at boot: the last good one is in force, and the daemon keeps it", async () => {
	await stage.daemon.start();
	stage.daemon.kill();
	sallyport("detach");
	writeFileSync(stage.daemon.policyFile, "nonsense: [");
	expect(sallyport("attach")).toMatchObject({ code: 0, result: { origin: "kept" } });
	await stage.daemon.start();
	expect(await status(stage.daemon)).toMatchObject({
		policy: { mode: null, failure: { problems: [expect.anything()] } },
		resolvers: expect.arrayContaining([DNS4]),
	});
	expect(await probe(NAMELESS4)).toBe("EACCES");
	expect(await probe(GOOD)).toBe("0");
});

test("a stop with on_exit keep, open or closed leaves the documented state", async () => {
	for (const [onExit, nameless, good] of [
		["keep", "EACCES", "0"],
		["closed", "EACCES", "EACCES"],
		["open", "0", "0"],
	] as const) {
		stage.daemon.flags.splice(0, 2, "--on-exit", onExit);
		await stage.daemon.start();
		expect(await probe(GOOD), `${onExit}, while it runs`).toBe("0");
		const open = new OpenConnection(stage.world, GOOD, PORTS.echo);
		open.go();
		await open.reached("echoed");
		stage.daemon.stop();
		if (good === "0") await sleep(300);
		else expect((await open.reached("broken")).errno, `${onExit}: closed by the daemon`).toBe("ECONNABORTED");
		expect(open.last, `${onExit}: what was open before`).toBe(good === "0" ? "echoed" : "broken");
		expect(await probe(GOOD), `${onExit}: what is allowed`).toBe(good);
		if (nameless === "EACCES") expect(await probe(NAMELESS4), `${onExit}: what is not`).toBe("EACCES");
		else expect(await probe(NAMELESS4), `${onExit}: what is not`).not.toBe("EACCES");
	}
});

test("a start that fails late leaves nothing in the kernel, or what was in force before", async () => {
	const busy = createServer().listen(0, "127.0.0.1");
	await once(busy, "listening");
	const address = `127.0.0.1:${(busy.address() as AddressInfo).port}`;
	try {
		stage.daemon.flags.splice(0, 2, "--metrics-listen", address);
		await expect(stage.daemon.start()).rejects.toThrow("did not start (20)");
		expect(existsSync(stage.world.pins)).toBe(false);
		expect(await probe(NAMELESS4)).not.toBe("EACCES");
		const good = readFileSync(stage.daemon.policyFile);
		writeFileSync(stage.daemon.policyFile, "version: 2\n");
		await expect(stage.daemon.start()).rejects.toThrow("did not start (3)");
		expect(existsSync(stage.world.pins)).toBe(false);
		writeFileSync(stage.daemon.policyFile, good);
		stage.daemon.flags.length = 0;
		await stage.daemon.start();
		stage.daemon.stop();
		stage.daemon.flags.splice(0, 2, "--metrics-listen", address);
		writeFileSync(stage.daemon.policyFile, OPEN);
		await expect(stage.daemon.start()).rejects.toThrow("did not start (20)");
		expect(await probe(NAMELESS4), "the policy of before").toBe("EACCES");
		expect(await probe(GOOD), "the policy of before").toBe("0");
		await logged("(mode enforce) is in force in the kernel, by the pins at");
	} finally {
		busy.close();
	}
});

test("on exit the daemon reports what stays in force and how to remove it", async () => {
	await stage.daemon.start();
	stage.daemon.stop();
	const { pins, folder } = stage.world;
	await logged(
		`Generation 1 of ${stage.daemon.policyFile} (mode enforce) is in force in the kernel, by the pins at ${pins}: ` +
			`\`sudo sallyport detach --pins ${pins} --runtime-dir ${join(folder, "run")}\` removes it.`,
	);
	stage.daemon.flags.push("--on-exit", "open");
	await stage.daemon.start();
	stage.daemon.stop();
	await logged("Nothing of Sallyport is in force in the kernel.");
});

/* This event loop copies the log from the process's pipe. */
async function logged(text: string): Promise<void> {
	await expect.poll(() => stage.daemon.log(), { timeout: 5_000 }).toContain(text);
}

test("journal lines have a priority: log lines, and the error of a failed start", () => {
	const file = join(stage.world.folder, "journal");
	const fd = openSync(file, "w");
	const { dev, ino } = fstatSync(fd, { bigint: true });
	writeFileSync(stage.daemon.policyFile, "nonsense: [");
	const args = [join(ROOT, "src/main.ts"), "run", ...flags("attach")];
	const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` };
	const { status: code } = spawnSync(NODE, args, { stdio: ["ignore", "ignore", fd], env, timeout: 20_000 });
	closeSync(fd);
	expect(code).toBe(3);
	const lines = readFileSync(file, "utf8").trimEnd().split("\n");
	expect(lines[0]).toMatch(/^<3>\{.*policy refused/);
	expect(lines.slice(1).length).toBeGreaterThan(1);
	for (const line of lines.slice(1)) expect(line).toMatch(/^<3>(sallyport: The policy cannot be loaded| {2}\/)/);
});

test("run and attach refuse pins outside a BPF file system, and leave the folder unchanged", () => {
	const folder = join(stage.world.folder, "kept");
	mkdirSync(folder);
	writeFileSync(join(folder, "file"), "");
	const common = ["--cgroup", stage.world.cgroup.path, "--policy", stage.daemon.policyFile];
	for (const command of ["run", "attach", "observe"]) {
		const args = [join(ROOT, "src/main.ts"), command, "--pins", join(folder, "pins"), ...common];
		const { status: code, stderr } = spawnSync(NODE, args, { encoding: "utf8", timeout: 20_000 });
		expect([command, code]).toEqual([command, 16]);
		expect(stderr).toContain("Name a folder below /sys/fs/bpf, for example /sys/fs/bpf/pins.");
		expect(readdirSync(folder)).toEqual(["file"]);
	}
});

test("while a daemon has the pins a second one, attach and detach are refused and change nothing", async () => {
	await stage.daemon.start();
	for (const command of ["attach", "detach"] as const) {
		const { code, stderr } = sallyport(command);
		expect(code).toBe(19);
		expect(stderr).toContain(`Another Sallyport (process ${stage.daemon.pid}) uses the pins at ${stage.world.pins}.`);
	}
	const args = [join(ROOT, "src/main.ts"), "run", ...flags("attach"), "--socket", join(stage.world.folder, "2.sock")];
	const second = spawn(NODE, args, { stdio: "ignore" });
	const code = await new Promise((resolve) => second.once("exit", resolve));
	expect(code).toBe(19);
	await sleep(100);
	expect(await probe(NAMELESS4)).toBe("EACCES");
	expect(await status(stage.daemon)).toMatchObject({ policy: { mode: "enforce" } });
});
