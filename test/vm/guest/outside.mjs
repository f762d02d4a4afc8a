/** The network outside: outside.mjs FILE PORT... echoes on each port, answers DNS, and writes the arrivals to FILE (JSON). */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { serveDns } from "./dns.mjs";
import { ADDRESSES, NAMES, OUTSIDE } from "./outside-addresses.mjs";

const [file = "", ...ports] = process.argv.slice(2);
/** @type {Record<string, { connections: number, bytes: number }>} */
const seen = {};
for (const port of ports) {
	const arrived = { connections: 0, bytes: 0 };
	seen[port] = arrived;
	createServer((socket) => {
		arrived.connections++;
		socket.on("data", (data) => {
			arrived.bytes += data.length;
			socket.write(data);
		});
		socket.on("error", () => {});
	}).listen(Number(port), "0.0.0.0");
}
const asked = serveDns(OUTSIDE, {
	[NAMES.allowed]: ADDRESSES.allowed,
	[NAMES.denied]: ADDRESSES.denied,
	[NAMES.alias]: { alias: NAMES.allowed },
});
setInterval(() => writeFileSync(file, JSON.stringify({ ...seen, asked })), 250);
