/**
 * A caching resolver on the host, like systemd-resolved, dnsmasq and nscd: dns-stub.ts ADDRESS UPSTREAM [PORT]. It never evicts an
 * answer. Prints "ready".
 */
import { createSocket } from "node:dgram";

const [address = "", upstream = "", port = "53"] = process.argv.slice(2);
const cache = new Map<string, Buffer>();
const server = createSocket("udp4");
server.on("message", (question, from) => {
	const key = question.toString("latin1", 12);
	const known = cache.get(key);
	const reply = (answer: Buffer) => {
		const own = Buffer.from(answer);
		question.copy(own, 0, 0, 2);
		server.send(own, from.port, from.address);
	};
	if (known !== undefined) {
		reply(known);
		return;
	}
	const client = createSocket("udp4");
	client.once("message", (answer) => {
		cache.set(key, answer);
		reply(answer);
		client.close();
	});
	client.send(question, 53, upstream);
});
server.bind(Number(port), address, () => process.stdout.write("ready\n"));
