/** The program of a process: what the kernel executed, before and after the daemon started, whatever the process claims. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { must } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";

const TARGET = "198.19.5.1";
const BASH = "/usr/bin/bash";
const PING = realpathSync(must("which", "ping").trim());
let stage: Stage;
let program: string;
/** Two shells that are older than the daemon. The second has open sockets. */
let old: Shell;
let opened: Shell;

beforeAll(async () => {
	stage = await Stage.make(policy({ defaults: { connect: "allow" } }), { start: false });
	mkdirSync(join(stage.world.folder, "opt"));
	program = join(stage.world.folder, "opt/agent");
	copyFileSync(stage.world.client("probe"), program);
	chmodSync(stage.world.folder, 0o711);
	old = new Shell();
	opened = new Shell();
	await opened.run(`exec 3<>/dev/udp/${TARGET}/${PORTS.udp}`);
	await stage.daemon.start();
});
afterAll(() => {
	old?.close();
	opened?.close();
	stage?.close();
});

const dial = (port: number) => `true 4<>/dev/tcp/${TARGET}/${port}`;
const forBash = { name: "bash", from: { exe: BASH } } as const;
const denyOther = () => ({ name: "agent", action: "deny", from: { exe: program } }) as const;

test("a process that claims to be another program is what the kernel executed, and so is its child", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { exe: program } }] }));
	expect((await stage.probe(["tcp", TARGET, PORTS.echo], { program })).errno).toBe("0");
	const argv = [stage.world.client("claim"), program, TARGET, String(PORTS.echo)];
	const { stdout, stderr } = await stage.world.run(["setpriv", "--reuid", "65534", "--clear-groups", ...argv]);
	expect(JSON.parse(stdout || stderr)).toMatchObject({ exe: program, child: "EACCES", errno: "EACCES" });
});

test("a program that is older than the daemon is known, and so is its child", async () => {
	await stage.daemon.put(policy({ rules: [forBash] }));
	expect(await old.run(dial(PORTS.echo))).toBe("0");
	expect(await old.run(`(${dial(PORTS.sink)})`)).toBe("0");
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { exe: program } }] }));
	expect(await old.run(dial(PORTS.echo))).not.toBe("0");
	expect(await old.run(`(${dial(PORTS.sink)})`)).not.toBe("0");
});

test("a socket of an unknown program is denied by each rule on a program, and allowed by none", async () => {
	const say = "echo x >&3";
	await stage.daemon.put(policy({ defaults: { connect: "allow" } }));
	expect(await opened.run(say)).toBe("0");
	await stage.daemon.put(policy({ defaults: { connect: "allow" }, rules: [denyOther()] }));
	expect(await opened.run(say)).not.toBe("0");
	await stage.daemon.put(policy({ rules: [forBash] }));
	expect(await opened.run(say)).not.toBe("0");
	expect(await opened.run(`exec 3<>/dev/udp/${TARGET}/${PORTS.udp}; ${say}`)).toBe("0");
});

test("a connection made under a policy without clients keeps its program under one with them", async () => {
	const exchange = "echo ping >&4; read -t 5 -u 4";
	await stage.daemon.put(policy({ defaults: { connect: "allow" } }));
	expect(await old.run(`exec 4<>/dev/tcp/${TARGET}/${PORTS.echo}; ${exchange}`)).toBe("0");
	await stage.daemon.put(policy({ defaults: { connect: "allow" }, rules: [denyOther()] }));
	expect(await old.run(exchange)).toBe("0");
	await stage.daemon.put(policy({ rules: [forBash] }));
	expect(await old.run(exchange)).toBe("0");
	expect(await old.run("exec 4>&-")).toBe("0");
});

test("ping is allowed and denied by its program", async () => {
	const ping = async () => (await stage.world.run([PING, "-c1", "-W2", TARGET])).code;
	await stage.daemon.put(policy({ rules: [{ name: "ping", from: { exe: PING }, to: { protocol: "icmp" } }] }));
	expect(await ping()).toBe(0);
	expect((await stage.probe(["icmp", TARGET])).errno, "another program").toBe("EPERM");
	await stage.daemon.put(policy({ rules: [{ name: "agent", from: { exe: program } }] }));
	expect(await ping()).not.toBe(0);
	expect((await stage.probe(["icmp", TARGET], { program })).errno).toBe("0");
	const denied = { name: "ping", action: "deny", from: { exe: PING } } as const;
	await stage.daemon.put(policy({ defaults: { connect: "allow" }, rules: [denied] }));
	expect(await ping()).not.toBe(0);
	expect((await stage.probe(["icmp", TARGET])).errno).toBe("0");
});

test("a process is shown by its own name, not by that of a thread", async () => {
	await stage.daemon.put(policy({ defaults: { connect: "allow" } }));
	const { pid } = await stage.probe(["thread", TARGET, PORTS.echo, "worker-8"]);
	expect(await stage.record({ pid })).toMatchObject({ comm: "worker-8", exe: stage.world.client("probe") });
});

/** A bash in the watched cgroup and the client's namespace. */
class Shell {
	readonly #shell: ChildProcessWithoutNullStreams;
	readonly #lines: AsyncIterator<string>;

	constructor() {
		const argv = stage.world.argv([BASH]);
		this.#shell = spawn(argv[0]!, argv.slice(1), { stdio: "pipe" });
		this.#lines = createInterface({ input: this.#shell.stdout })[Symbol.asyncIterator]();
	}

	/** Returns the exit status. */
	async run(command: string): Promise<string> {
		this.#shell.stdin.write(`{ ${command}; } 2>/dev/null; echo $?\n`);
		return (await this.#lines.next()).value;
	}

	close(): void {
		this.#shell.stdin.end();
	}
}
