/** What is outside: echoes on every port it is given, and says at the end of each second what arrived where (JSON, by port). */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";

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
setInterval(() => writeFileSync(file, JSON.stringify(seen)), 250);
