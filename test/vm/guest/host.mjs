/** What a check needs of the host that it runs on. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { OUTSIDE, PLACES, PORTS } from "./places.mjs";

export const NODE = "/usr/lib/sallyport/node";

export const SOCKET = "/run/sallyport/sallyport.sock";

/** How many times slower than usual the host is: limits of time are so much longer. */
export const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function run(command, ...args) {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
	return { code: status, out: stdout ?? "", err: stderr ?? "" };
}

/** Throws with what the command said. */
export function must(command, ...args) {
	try {
		return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
	} catch (error) {
		throw new Error(`${command} ${args.join(" ")}: ${error.stderr || error.message}`);
	}
}

export const property = (unit, name) => must("systemctl", "show", "-P", name, unit).trim();
export const mainPid = () => Number(property("sallyport", "MainPID"));
/* Not by the command: an emulated machine takes seconds to start a Node. */
export const status = () => JSON.parse(must("curl", "-sSf", "--unix-socket", SOCKET, "http://localhost/v1/status"));

export async function until(what, seconds, holds) {
	const deadline = performance.now() + seconds * SLOW * 1000;
	for (;;) {
		try {
			const result = await holds();
			if (result) return result;
		} catch (error) {
			if (performance.now() > deadline) throw error;
		}
		if (performance.now() > deadline) throw new Error(`not within ${seconds * SLOW} s: ${what}`);
		await sleep(200);
	}
}

export const running = () =>
	until("the service runs", 90, () => property("sallyport", "ActiveState") === "active" && status());

/** One attempt to reach the outside: "data", or the error. */
export function reach(port, prefix = [], host = OUTSIDE) {
	const script = `exec 3<>/dev/tcp/${host}/${port} && echo x >&3 && timeout ${5 * SLOW} head -c1 <&3`;
	const [command, ...args] = [...prefix, "timeout", String(6 * SLOW), "bash", "-c", script];
	const { code, err } = run(command, ...args);
	if (code === 0) return "data";
	return /Permission denied|Operation not permitted/.test(err)
		? "denied"
		: `code ${code}: ${err.trim().split("\n").at(-1)}`;
}

/** A network of its own with a listener on each port, and DNS (outside.mjs). It may be there from before, but for its process. */
export async function makeOutside(folder) {
	if (!existsSync("/run/netns/outside")) makeNetwork();
	const file = "/run/outside.json";
	rmSync(file, { force: true });
	const args = [
		"netns",
		"exec",
		"outside",
		process.execPath,
		`${folder}/outside.mjs`,
		file,
		...Object.values(PORTS).map(String),
	];
	spawn("ip", args, { stdio: ["ignore", "ignore", "inherit"], detached: true }).unref();
	await until("the outside listens", 60, () => existsSync(file));
	return async () => {
		await sleep(600);
		return JSON.parse(readFileSync(file, "utf8"));
	};
}

function makeNetwork() {
	must("ip", "netns", "add", "outside");
	must("ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0", "netns", "outside");
	must("ip", "addr", "add", "198.51.100.2/24", "dev", "out0");
	must("ip", "link", "set", "out0", "up");
	for (const address of [OUTSIDE, ...Object.values(PLACES)])
		must("ip", "-n", "outside", "addr", "add", `${address}/24`, "dev", "in0");
	must("ip", "-n", "outside", "link", "set", "in0", "up");
	must("ip", "-n", "outside", "link", "set", "lo", "up");
}

/** Load from a unit of its own; the returned function ends it and says what it met. */
export function startClients(folder) {
	const args = [`${folder}/clients.mjs`, OUTSIDE, ...Object.values(PORTS).map(String)];
	const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
	let out = "";
	child.stdout.on("data", (part) => (out += part));
	return async () => {
		child.kill("SIGTERM");
		await new Promise((resolve) => child.once("close", resolve));
		return JSON.parse(out);
	};
}

export const ENFORCE = `version: 1
mode: enforce
defaults: { dns: allow, connect: deny }
groups:
  - name: test
    priority: 10
    rules:
      - { name: loopback, action: allow, to: { cidr: [127.0.0.0/8, "::1/128"] } }
      - { name: outside, action: allow, to: { cidr: ${OUTSIDE}, ports: ${PORTS.allowed}, protocol: tcp } }
`;
export const POLICY_FILE = "/etc/sallyport/policy.yaml";
export const policy = (text) => writeFileSync(POLICY_FILE, text);

/** Another policy in force, and the service running with it. */
export async function enforce(text = ENFORCE) {
	policy(text);
	run("systemctl", "reset-failed", "sallyport");
	must("systemctl", "start", "sallyport");
	const { loadedAt } = (await running()).policy;
	must("systemctl", "reload", "sallyport");
	await until("the policy is in force", 30, () => {
		const now = status().policy;
		assert.equal(now.failure, null);
		return now.mode === "enforce" && now.loadedAt !== loadedAt;
	});
}

/** The newest record of the last two minutes whose fields are these. */
export const recordOf = (fields) =>
	until(`a record of ${JSON.stringify(fields)}`, 10, () => {
		const { out } = run("sallyport", "connections", "--json", "--since", "2m", "--limit", "1000");
		const records = out
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => JSON.parse(line));
		return records.find((record) => Object.entries(fields).every(([name, value]) => record[name] === value));
	});

/** Settings of /etc/sallyport/service.conf; the last line of a name counts. */
export function settings(changes) {
	const file = "/etc/sallyport/service.conf";
	const lines = Object.entries(changes).map(([name, value]) => `${name}=${value}\n`);
	writeFileSync(file, readFileSync(file, "utf8") + lines.join(""));
}
