/** DNS to an address that NAT of this host rewrites: Docker's resolver, whose port changes, and a service address. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { framed, question } from "../support/dns-message.ts";
import { nft } from "../support/nft.ts";
import { DNS_STUB, NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, EDGE4, WWW4, ZONE } from "../support/zones.ts";

/** As in a container of Docker, whose resolver listens on another port. */
const DOCKER = "127.0.0.11";
const DOCKER_PORT = "41234";
/** Service addresses, as in Kubernetes. Only the first is a trusted resolver. */
const SERVICE = "198.19.250.10";
const OTHER = "198.19.250.11";

const nat = [`${DOCKER} ${DOCKER}:${DOCKER_PORT}`, `${SERVICE} ${DNS4}`, `${OTHER} ${DNS4}`].flatMap((pair) =>
	["udp", "tcp"].map((protocol) => {
		const [from, to] = pair.split(" ");
		return `add rule ip sallyport_test out ip daddr ${from} ${protocol} dport 53 dnat to ${to}`;
	}),
);

let stage: Stage;
let stub: ChildProcess;
let remove: () => void;
beforeAll(async () => {
	stage = await Stage.make(
		policy({
			defaults: { dns: "deny" },
			rules: [{ name: "good", to: { domain: ["*.good.test"], ports: PORTS.sink } }],
			more: { resolvers: [DOCKER, SERVICE] },
		}),
	);
	await stage.world.server.zone(ZONE);
	remove = nft(
		stage.world.network,
		"client",
		["add chain ip sallyport_test out { type nat hook output priority -100; }", ...nat].join("; "),
	);
	const [command = "", ...args] = stage.world.network.inClient([NODE, DNS_STUB, DOCKER, DNS4, DOCKER_PORT]);
	stub = spawn(command, args, { env: cleanEnvironment(), stdio: ["ignore", "pipe", "inherit"] });
	if (stub.stdout !== null) await once(stub.stdout, "data");
});
afterAll(() => {
	stub?.kill();
	remove?.();
	stage?.close();
});

async function ask(server: string, name: string, connect: string, via: "udp" | "tcp" = "udp") {
	const message = question(7, [{ name }]);
	const { answers, connects } = await stage.dns({
		...{ via, server, answers: 1, patience: 700 },
		messages: [(via === "tcp" ? framed(message) : message).toString("hex")],
		connect: [[connect, PORTS.sink]],
	});
	return [answers.length, ...connects];
}

test("Docker's resolver on a port that NAT chooses is asked as 127.0.0.11:53, and its answers are learned", async () => {
	expect(await ask(DOCKER, "www.good.test", WWW4)).toEqual([1, "ok"]);
	expect(
		await stage.record({ kind: "dns", name: "www.good.test", address: DOCKER, verdict: "allow", rule: "good" }),
	).toBeDefined();
	expect(await ask(DOCKER, "www.bad.test", BAD4)).toEqual([0, "EACCES"]);
	expect(await stage.record({ kind: "dns", name: "www.bad.test", address: DOCKER, verdict: "deny" })).toBeDefined();
});

test("getaddrinfo of glibc works with Docker's resolver", async () => {
	const script = `echo nameserver ${DOCKER} > /tmp/resolv.$$; mount --bind /tmp/resolv.$$ /etc/resolv.conf; rm /tmp/resolv.$$; getent ahostsv4 four.good.test`;
	expect((await stage.world.run(["unshare", "--mount", "sh", "-c", script])).stdout).toContain("198.19.1.4");
});

test("a service address is asked over UDP and TCP, and another one behind which the same server is, is denied", async () => {
	expect(await ask(SERVICE, "api.good.test", EDGE4, "tcp")).toEqual([1, "ok"]);
	expect(await ask(SERVICE, "shared.good.test", "198.19.1.3")).toEqual([1, "ok"]);
	expect(
		await stage.record({ kind: "dns", name: "shared.good.test", address: SERVICE, verdict: "allow" }),
	).toBeDefined();
	expect(await ask(OTHER, "six.good.test", "198.19.1.9")).toEqual([0, "EACCES"]);
});

test("the port of the resolver behind the translation is no DNS, and is denied", async () => {
	const message = question(7, [{ name: "www.good.test" }]).toString("hex");
	const sent = await stage.world.run([
		...[NODE, "-e"],
		`require("dgram").createSocket("udp4").send(Buffer.from("${message}", "hex"), ${DOCKER_PORT}, "${DOCKER}", (error) => {
			console.log(error?.code ?? "sent");
			process.exit();
		})`,
	]);
	expect(sent.stdout.trim()).toBe("EACCES");
});
