/** The host that the checks run on: commands, the service, and a network outside it. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { ADDRESSES, OUTSIDE, PORTS } from "./outside-addresses.mjs";

export const NODE = "/usr/lib/sallyport/node";

export const SOCKET = "/run/sallyport/sallyport.sock";

/** How many times slower than usual the host is. Time limits are multiplied by it. */
export const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

/** @param {number} ms @returns {Promise<void>} */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {string} command @param {string[]} args */
export function run(command, ...args) {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
	return { code: status, out: stdout ?? "", err: stderr ?? "" };
}

/**
 * Returns standard output; throws with standard error if the command fails.
 *
 * @param {string} command @param {string[]} args
 */
export function must(command, ...args) {
	try {
		return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
	} catch (error) {
		const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error);
		throw new Error(`${command} ${args.join(" ")}: ${stderr || message}`);
	}
}

/** @param {string} unit @param {string} name */
export const property = (unit, name) => must("systemctl", "show", "-P", name, unit).trim();
export const mainPid = () => Number(property("sallyport", "MainPID"));
/* By curl: an emulated machine needs seconds to start Node for `sallyport status`. */
/** @returns {import("../../../src/api/status.ts").Status} */
export const status = () => JSON.parse(must("curl", "-sSf", "--unix-socket", SOCKET, "http://localhost/v1/status"));

/**
 * Polls until `holds` returns something true, and returns that.
 *
 * @template T
 * @param {string} what for the message
 * @param {number} seconds
 * @param {() => T | Promise<T>} holds may throw
 * @returns {Promise<NonNullable<T>>}
 */
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

/** Waits until the service runs, and returns its status. */
export async function running() {
	await until("the service runs", 90, () => property("sallyport", "ActiveState") === "active" && status());
	return status();
}

/**
 * One attempt to reach the outside.
 *
 * @param {string | number} port
 * @param {string[]} [prefix] of the command line
 * @param {string} [host]
 * @returns {string} "data", "denied", or the error
 */
export function reach(port, prefix = [], host = OUTSIDE) {
	const script = `exec 3<>/dev/tcp/${host}/${port} && echo x >&3 && timeout ${5 * SLOW} head -c1 <&3`;
	const [command = "", ...args] = [...prefix, "timeout", String(6 * SLOW), "bash", "-c", script];
	const { code, err } = run(command, ...args);
	if (code === 0) return "data";
	return /Permission denied|Operation not permitted/.test(err)
		? "denied"
		: `code ${code}: ${err.trim().split("\n").at(-1)}`;
}

/**
 * @typedef {{ connections: number, bytes: number }} Arrived at one port
 * @typedef {() => Promise<Record<number, Arrived>>} Outside reports the arrivals so far, by port
 * @typedef {{ allowed: number, refused: Record<string, number>, reached: number, held: string, echoes: number, longestGap: number }} Met
 */

/**
 * Makes a network namespace with a listener on each port, and DNS (outside.mjs), unless an earlier check made it.
 *
 * @param {string} folder of these files
 * @returns {Promise<Outside>}
 */
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
	for (const address of [OUTSIDE, ...Object.values(ADDRESSES)])
		must("ip", "-n", "outside", "addr", "add", `${address}/24`, "dev", "in0");
	must("ip", "-n", "outside", "link", "set", "in0", "up");
	must("ip", "-n", "outside", "link", "set", "lo", "up");
}

/**
 * Starts clients.mjs. The returned function ends it, and returns its counts.
 *
 * @param {string} folder of these files
 * @returns {() => Promise<Met>}
 */
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
/** @param {string} text */
export const policy = (text) => writeFileSync(POLICY_FILE, text);

/** Starts the service with a policy, and waits until it is in force. */
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

/**
 * The fields of a record that checks read.
 *
 * @typedef {object} Recorded
 * @property {string | null} name
 * @property {string | null} nameSource
 * @property {string} verdict
 * @property {string} reason
 * @property {string | null} rule
 * @property {string} unit
 * @property {string | null} container
 * @property {string} cgroup
 * @property {string} remote
 * @property {{ user: string }} process
 */

/**
 * Waits for a record with these fields, and returns the newest of the last two minutes.
 *
 * @param {Record<string, unknown>} fields
 * @returns {Promise<Recorded>}
 */
export const recordOf = (fields) =>
	until(`a record of ${JSON.stringify(fields)}`, 10, () => {
		const { out } = run("sallyport", "connections", "--json", "--since", "2m", "--limit", "1000");
		/** @type {(Recorded & Record<string, unknown>)[]} */
		const records = out
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => JSON.parse(line));
		return records.find((record) => Object.entries(fields).every(([name, value]) => record[name] === value));
	});

/**
 * Appends to /etc/sallyport/service.conf: the last line of a name applies.
 *
 * @param {Record<string, string | undefined>} changes
 */
export function settings(changes) {
	const file = "/etc/sallyport/service.conf";
	const lines = Object.entries(changes).map(([name, value]) => `${name}=${value}\n`);
	writeFileSync(file, readFileSync(file, "utf8") + lines.join(""));
}
