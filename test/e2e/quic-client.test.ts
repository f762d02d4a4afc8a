/** A real QUIC client and server (ngtcp2 with GnuTLS): the delay of an allowed connection, and the datagrams of a denied one. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { must, run, SLOW, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, BAD6, WWW4, WWW6 } from "../support/zones.ts";

const RETRY_PORT = 8443;
const RULES = [
	{ name: "good", to: { domain: "**.good.test", ports: [PORTS.tls, RETRY_PORT] } },
	{ name: "open", phases: ["connect"], to: { cidr: [`${BAD4}/32`, `${BAD6}/128`], ports: PORTS.tls } },
] as const;
/* The server answers a client that offers version 2 in version 2 (RFC 9368). */
const VERSIONS = ["--preferred-versions=v2draft,v1", "--other-versions=v2draft,v1"];
/** QUIC datagrams at the server. */
const COUNTERS = `table inet quic {
	counter in {}
	counter out {}
	chain input { type filter hook input priority 0; udp dport { ${PORTS.tls}, ${RETRY_PORT} } counter name in; }
	chain output { type filter hook output priority 0; udp sport { ${PORTS.tls}, ${RETRY_PORT} } counter name out; }
}`;

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: RULES }));
	const pages = join(stage.world.folder, "pages");
	mkdirSync(pages);
	writeFileSync(join(pages, "index.html"), "here\n");
	/* ngtcp2 replies from the queried address, so for IPv6 it must be an address of the host. */
	for (const address of [WWW4, WWW6, BAD4, BAD6])
		must("ip", "-n", stage.world.network.server, "addr", "add", address, "dev", "lo");
	must("ip", "netns", "exec", stage.world.network.server, "nft", COUNTERS);
	serve(pages, PORTS.tls, []);
	serve(pages, RETRY_PORT, ["--validate-addr"]);
	for (const port of [PORTS.tls, RETRY_PORT]) {
		await until("QUIC is served", 10_000, async () => (await fetch("www.good.test", { watched: false, port })).out > 0);
	}
}, 180_000 * SLOW);
afterAll(() => stage?.close());

function serve(pages: string, port: number, flags: readonly string[]): void {
	const { world } = stage;
	const { key, cert } = world.certificates;
	const options = ["-q", "--max-gso-dgrams=1", ...VERSIONS, ...flags, "-d", pages];
	const argv = world.network.inServer(["gtlsserver", ...options, "*", String(port), key, cert]);
	const server = spawn(argv[0] ?? "", argv.slice(1), { stdio: "ignore", env: cleanEnvironment() });
	world.cleanup.defer("QUIC server", () => server.kill("SIGKILL"));
}

interface Listed {
	readonly nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[];
}

function counted(): { in: number; out: number } {
	const text = must("ip", "netns", "exec", stage.world.network.server, "nft", "-j", "list", "counters");
	const { nftables } = JSON.parse(text) as Listed;
	const of = (name: string) => nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? 0;
	return { in: of("in"), out: of("out") };
}

interface Options {
	readonly watched: boolean;
	readonly port?: number;
	readonly flags?: readonly string[];
}

/** The client's exit, and the datagrams that reached and left the server. */
async function fetch(name: string, { watched, port = PORTS.tls, flags = [] }: Options) {
	const { world } = stage;
	const quiet = ["-q", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", "--timeout=3s"];
	const argv = ["gtlsclient", ...quiet, ...flags, name, String(port), `https://${name}/index.html`];
	const before = counted();
	const outcome = watched
		? await world.run(argv)
		: await run(world.network.inClient(argv), { env: cleanEnvironment(), timeout: 30_000 });
	const after = counted();
	return { outcome, in: after.in - before.in, out: after.out - before.out };
}

/** Upper limit: a busy machine needs several rounds for the minimum. An additional datagram would appear in each round. */
const ROUNDS = 48;

test.each([
	["version 1", []],
	["version 2, chosen by the server", ["--other-versions=v2draft,v1"]],
])("an allowed name costs no datagram more than without us (%s)", async (_, flags) => {
	const least = { watched: { in: 1e9, out: 1e9 }, alone: { in: 1e9, out: 1e9 } };
	const costsNothing = () => least.watched.in <= least.alone.in && least.watched.out <= least.alone.out;
	for (let round = 0; round < ROUNDS && (round < 4 || !costsNothing()); round++) {
		for (const kind of ["watched", "alone"] as const) {
			const done = await fetch("www.good.test", { watched: kind === "watched", flags });
			expect(done.outcome).toMatchObject({ code: 0 });
			expect(done.out).toBeGreaterThan(0);
			/* The number of acknowledgements varies, but the minimum of a connection does not. */
			least[kind] = { in: Math.min(least[kind].in, done.in), out: Math.min(least[kind].out, done.out) };
		}
	}
	expect(least.watched.in).toBeLessThanOrEqual(least.alone.in);
	expect(least.watched.out).toBeLessThanOrEqual(least.alone.out);
	expect(await stage.record({ name: "www.good.test", protocol: "udp", verdict: "allow" })).toMatchObject({
		decisions: { connect: "allow good rule", tls: "allow good rule" },
	});
});

test("a denied name: no datagram reaches the server, and none is answered", async () => {
	const denied = await fetch("www.bad.test", { watched: true });
	expect(denied.outcome.code).not.toBe(0);
	expect([denied.in, denied.out]).toEqual([0, 0]);
	expect(await stage.record({ name: "www.bad.test", protocol: "udp", phase: "tls", verdict: "deny" })).toBeDefined();
	/* Without Sallyport the server responds. */
	expect((await fetch("www.bad.test", { watched: false })).out).toBeGreaterThan(0);
});

test("a Retry: another connection id, other keys, the same hello", async () => {
	const retried = await fetch("www.good.test", { watched: true, port: RETRY_PORT });
	expect(retried.outcome).toMatchObject({ code: 0 });
	expect(await stage.record({ name: "www.good.test", port: RETRY_PORT, verdict: "allow" })).toBeDefined();
});
