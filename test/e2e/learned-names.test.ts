/** For whom a DNS answer is learned, and which names others cannot push out. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { question } from "../support/dns-message.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, ZONE } from "../support/zones.ts";

const OWN4 = "198.19.60.1";
const BUSY4 = "198.19.60.2";
const LOCAL = { name: "loopback", to: { cidr: ["127.0.0.0/8", "::1/128"] } };
const GOOD = { name: "good", to: { domain: "*.good.test", ports: [PORTS.sink, PORTS.tls] } };

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [GOOD] }));
	const others = Array.from({ length: 20 }, (_, i) => [`e${i}.evict.test`, [{ type: "A", data: BUSY4, ttl: 600 }]]);
	await stage.world.server.zone({
		...ZONE,
		"own.good.test": [{ type: "A", data: OWN4 }],
		"busy.good.test": [{ type: "A", data: BUSY4 }],
		"local.bad.test": [
			{ type: "A", data: "127.0.0.1" },
			{ type: "AAAA", data: "::1" },
		],
		...Object.fromEntries(others),
	});
});
afterAll(() => stage?.close());

const ask = (name: string, below?: string) =>
	stage.dns({ via: "udp", server: DNS4, messages: [question(1, [{ name }]).toString("hex")], answers: 1 }, below);
const connects = async (address: string, port: number = PORTS.sink) =>
	(await stage.probe(["tcp", address, port])).errno;

/* A resolver and its client. The resolver gives any name the address in argv. */
const OWN_RESOLVER = `
const [, resolver, address] = process.argv;
const { createSocket } = require("node:dgram");
const server = createSocket("udp4"), client = createSocket("udp4");
server.on("message", (query, { port, address: from }) => {
	const reply = Buffer.concat([query, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...address.split(".")])]);
	reply.writeUInt16BE(0x8180, 2);
	reply.writeUInt16BE(1, 6);
	server.send(reply, port, from);
});
client.on("message", () => process.exit(0));
server.bind(53, resolver, () => client.send(Buffer.from(process.argv[3], "hex"), 53, resolver));
setTimeout(() => process.exit(1), 5000);
`;

test("a process that answers itself in its own network namespace teaches nothing to others", async () => {
	const query = question(7, [{ name: "own.good.test" }]).toString("hex");
	const start = `ip link set lo up && ip addr add ${DNS4}/32 dev lo && exec "$0" "$@"`;
	const argv = ["unshare", "-Urn", "sh", "-c", start, NODE, "-e", OWN_RESOLVER, DNS4, BAD4, query];
	expect((await stage.world.run(argv)).code, "answered").toBe(0);
	expect(await connects(BAD4)).toBe("EACCES");
	await ask("own.good.test");
	expect(await connects(OWN4), "asked in this namespace").toBe("0");
});

test("20 other names of an address do not push out the allowed one", async () => {
	await ask("busy.good.test");
	for (let i = 0; i < 20; i++) await ask(`e${i}.evict.test`);
	expect(await connects(BUSY4)).toBe("0");
});

test("a denied name that leads to loopback does not close loopback to others", async () => {
	const deny = { name: "no", action: "deny", phases: ["connect", "tls"], to: { domain: "**.bad.test" } } as const;
	await stage.daemon.put(policy({ rules: [deny, LOCAL] }));
	expect((await ask("local.bad.test", "other.service")).answers.length).toBe(1);
	expect(await connects("127.0.0.1", 9)).toBe("ECONNREFUSED");
	expect(await stage.record({ address: "127.0.0.1", rule: "loopback", verdict: "allow" })).toBeDefined();
});
