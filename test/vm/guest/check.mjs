import assert from "node:assert/strict";
import { reach, run, sleep, startClients } from "./host.mjs";
import { PORTS } from "./outside-addresses.mjs";

/**
 * Runs a check and prints its outcome as a line of JSON: name, ok, detail, ms. A check that fails sets the exit code to 1.
 *
 * @param {string} name
 * @param {() => unknown} body returns the detail, or throws
 */
export async function check(name, body) {
	const started = performance.now();
	let detail = "";
	let ok = true;
	/* Manual starts count against StartLimitBurst= too, and the checks make many. */
	run("systemctl", "reset-failed", "sallyport", "sallyport-early", "sallyport-prepare");
	try {
		detail = String((await body()) ?? "");
	} catch (error) {
		ok = false;
		process.exitCode = 1;
		detail = error instanceof Error ? error.message : String(error);
	}
	const ms = Math.round(performance.now() - started);
	process.stdout.write(`${JSON.stringify({ name, ok, detail, ms })}\n`);
}

/**
 * Asserts that the denied port is denied and the allowed one works.
 *
 * @param {string} [where] for the message
 * @param {string[]} [prefix] of the client's command line
 */
export async function decides(where = "", prefix = []) {
	assert.equal(reach(PORTS.denied, prefix), "denied", `${where} denied`);
	assert.equal(reach(PORTS.allowed, prefix), "data", `${where} allowed`);
}

/**
 * Runs `event` under load, and asserts that nothing denied got out and nothing allowed was disturbed.
 *
 * @param {import("./host.mjs").Outside} outside
 * @param {() => unknown} event
 * @param {number} [seconds] of load after the event
 */
export async function underLoad(outside, event, seconds = 3) {
	const before = await outside();
	const end = startClients(import.meta.dirname);
	/** @type {import("./host.mjs").Met} */
	let met;
	try {
		await sleep(1_500);
		await event();
		await sleep(seconds * 1000);
	} finally {
		met = await end();
	}
	const after = await outside();
	assert.equal(
		after[PORTS.denied]?.connections,
		before[PORTS.denied]?.connections,
		"no denied connection reached the listener outside",
	);
	assert.equal(met.reached, 0);
	assert.equal(met.held, "open", "the held connection is open");
	assert.ok(met.allowed > 0 && met.echoes > 0, JSON.stringify(met));
	assert.deepEqual(met.refused, {}, "no allowed connection was refused");
	return `${met.allowed} allowed, ${met.echoes} echoes on the held connection (longest gap ${met.longestGap} ms), 0 denied`;
}
