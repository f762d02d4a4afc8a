/** What is outside: echoes on every port it is given, answers DNS, and says several times a second what has arrived (JSON). */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { serveDns } from "./dns.mjs";
import { NAMES, OUTSIDE, PLACES } from "./places.mjs";

const [file, ...ports] = process.argv.slice(2);
const seen = Object.fromEntries(ports.map((port) => [port, { connections: 0, bytes: 0 }]));
for (const port of ports) {
	createServer((socket) => {
		seen[port].connections++;
		socket.on("data", (data) => {
			seen[port].bytes += data.length;
			socket.write(data);
		});
		socket.on("error", () => {});
	}).listen(Number(port), "0.0.0.0");
}
const asked = serveDns(OUTSIDE, {
	[NAMES.allowed]: PLACES.allowed,
	[NAMES.denied]: PLACES.denied,
	[NAMES.alias]: { alias: NAMES.allowed },
});
setInterval(() => writeFileSync(file, JSON.stringify({ ...seen, asked })), 250);
