/** A check prints a JSON line: name, ok, detail, ms. One that fails makes the process's exit code 1. */
import assert from "node:assert/strict";
import { reach, run, sleep, startClients } from "./host.mjs";
import { PORTS } from "./places.mjs";

export async function check(name, body) {
	const started = performance.now();
	let detail = "";
	let ok = true;
	/* A start that a person asks for counts against the limit too, and there are many here. */
	run("systemctl", "reset-failed", "sallyport", "sallyport-early", "sallyport-prepare");
	try {
		detail = (await body()) ?? "";
	} catch (error) {
		ok = false;
		process.exitCode = 1;
		detail = error.message;
	}
	const ms = Math.round(performance.now() - started);
	process.stdout.write(`${JSON.stringify({ name, ok, detail, ms })}\n`);
}

export async function decides(where = "", prefix = []) {
	assert.equal(reach(PORTS.denied, prefix), "denied", `${where} denied`);
	assert.equal(reach(PORTS.allowed, prefix), "data", `${where} allowed`);
}

/** `outside`: what tells what has arrived there. What happens meanwhile lets nothing out that is denied, and disturbs nothing that is not. */
export async function underLoad(outside, what, seconds = 3) {
	const before = await outside();
	const end = startClients(import.meta.dirname);
	let met = null;
	try {
		await sleep(1_500);
		await what();
		await sleep(seconds * 1000);
	} finally {
		met = await end();
	}
	const after = await outside();
	assert.equal(
		after[PORTS.denied].connections,
		before[PORTS.denied].connections,
		"the listener outside has nothing denied",
	);
	assert.equal(met.reached, 0);
	assert.equal(met.held, "open", "the held connection lives");
	assert.ok(met.allowed > 0 && met.echoes > 0, JSON.stringify(met));
	assert.deepEqual(met.refused, {}, "nothing that is allowed was refused");
	return `${met.allowed} allowed, ${met.echoes} echoes on the held one (longest gap ${met.longestGap} ms), 0 denied arrived`;
}
