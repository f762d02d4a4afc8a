/**
 * Load at a bounded rate: load.mjs HOST ALLOWED DENIED RATE. RATE times a second it connects to both ports; every eighth round it also
 * queries one of 500 names. Ends with SIGTERM, and then prints its counts (JSON).
 */
import { Resolver } from "node:dns/promises";
import { attempt } from "./attempt.mjs";
import { SLOW } from "./host.mjs";

const [host = "", allowed = "", denied = "", rate] = process.argv.slice(2);
/** @type {{ attempts: number, allowed: number, denied: number, asked: number, odd: Record<string, number> }} */
const met = { attempts: 0, allowed: 0, denied: 0, asked: 0, odd: {} };
const resolver = new Resolver({ timeout: 2_000 * SLOW, tries: 1 });
resolver.setServers([host]);
const NAMES = 500;
let running = true;
let open = 0;

/** @param {string} what @param {unknown} result */
function strange(what, result) {
	met.odd[`${what} ${result}`] = (met.odd[`${what} ${result}`] ?? 0) + 1;
}

async function round() {
	open++;
	met.attempts++;
	const [good, bad] = [await attempt(host, allowed, 5_000 * SLOW), await attempt(host, denied, 5_000 * SLOW)];
	if (good === "data") met.allowed++;
	else strange("allowed", good);
	if (bad === "EACCES") met.denied++;
	else strange("denied", bad);
	if (met.attempts % 8 === 0) {
		met.asked++;
		const answer = await resolver.resolve4(`n${met.asked % NAMES}.example`).catch((error) => error.code);
		if (answer !== "ENOTFOUND") strange("question", answer);
	}
	open--;
}

process.once("SIGTERM", () => (running = false));
while (running) {
	if (open < 50) void round();
	else strange("round", "skipped");
	await new Promise((resolve) => setTimeout(resolve, 1_000 / Number(rate)));
}
while (open > 0) await new Promise((resolve) => setTimeout(resolve, 20));
process.stdout.write(JSON.stringify(met));
