/**
 * Load: clients.mjs HOST ALLOWED DENIED connects to both ports in turn, and holds one connection to the allowed one. Ends with SIGTERM,
 * and then prints its counts (JSON).
 */
import { connect } from "node:net";
import { attempt } from "./attempt.mjs";
import { SLOW } from "./host.mjs";

const [host = "", allowed = "", denied = ""] = process.argv.slice(2);
/** @type {import("./host.mjs").Met} */
const met = { allowed: 0, refused: {}, reached: 0, held: "open", echoes: 0, longestGap: 0 };
let running = true;

function hold() {
	const socket = connect({ host, port: Number(allowed) });
	let last = performance.now();
	const timer = setInterval(() => socket.write("held"), 100 * SLOW);
	socket.on("data", () => {
		met.echoes++;
		met.longestGap = Math.max(met.longestGap, Math.round(performance.now() - last));
		last = performance.now();
	});
	socket.on("error", (/** @type {NodeJS.ErrnoException} */ error) => (met.held = error.code ?? error.message));
	socket.on("close", () => {
		clearInterval(timer);
		if (running && met.held === "open") met.held = "closed";
	});
	return socket;
}

const held = hold();
process.once("SIGTERM", () => (running = false));
while (running) {
	const good = await attempt(host, allowed, 5_000 * SLOW);
	if (good === "data") met.allowed++;
	else met.refused[good] = (met.refused[good] ?? 0) + 1;
	if ((await attempt(host, denied, 5_000 * SLOW)) === "data") met.reached++;
	await new Promise((resolve) => setTimeout(resolve, 20 * SLOW));
}
process.stdout.write(JSON.stringify(met));
held.destroy();
