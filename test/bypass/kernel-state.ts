/** S6, S8 to S10: sockets opened before the daemon, other namespaces and cgroups, connect() without data, full maps. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENT4 } from "../support/addresses.ts";
import { addNamespace } from "../support/netns.ts";
import { policy } from "../support/policies.ts";
import { must, sleep, until } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, Fixture } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { byHello, byName } from "./policies.ts";
import type { Attempt, Row } from "./row.ts";
import { lostEvents, measure } from "./runner.ts";
import { answered, attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const { echo, udp } = PORTS;
const PING = Buffer.from("ping").toString("hex");

/** A connection opened before the daemon starts. The client sends again once the policy is in force. */
async function existingConnection(own: Target, how: "talking" | "listening"): Promise<Attempt> {
	const fixture = await Fixture.make({ start: false });
	try {
		const place = { address: own.evil.v4 };
		const { world } = fixture.stage;
		const port = 45_000;
		const ready = join(world.folder, "enforced");
		const opened = fixture.script("tcp4", [
			"reuse",
			`bind=0.0.0.0,${port}`,
			`connect=${own.evil.v4},${echo}`,
			...(how === "talking"
				? [`send=${PING}`, "read=500"]
				: ["new=tcp4", "reuse", `bind=0.0.0.0,${port}`, "listen", "use=0"]),
			`until=${ready}`,
			`send=${DATA}`,
			"read=500",
			`send=${DATA}`,
		]);
		await until("connected", 10_000, () => isEstablished(world.network.client, own.evil.v4));
		await sleep(100);
		const before = (await fixture.wire.at(place)).bytes;
		await fixture.stage.daemon.start();
		await fixture.stage.daemon.put(policy());
		writeFileSync(ready, "");
		const outcome = await opened;
		const { bytes, recorded } = await measure(fixture, "stop", [place]);
		return { ...attemptAt([], outcome), measured: { bytes: bytes - before, recorded } };
	} finally {
		fixture.close();
	}
}

/** A connection accepted before the daemon started may continue: replies to a peer are not egress. */
async function acceptedBefore(): Promise<Attempt> {
	const fixture = await Fixture.make({ start: false });
	try {
		const { daemon, world } = fixture.stage;
		const ready = join(world.folder, "enforced");
		const steps = ["reuse", "bind=0.0.0.0,45001", "listen", "accept", `until=${ready}`, `send=${PING}`, "wait=200"];
		const own = fixture.script("tcp4", steps);
		await sleep(300);
		const far = fixture.far("tcp4", [`connect=${CLIENT4},45001`, "read=30000"], 40_000);
		await until("accepted", 10_000, () => isEstablished(world.network.server, CLIENT4));
		await daemon.start();
		await daemon.put(policy());
		writeFileSync(ready, "");
		return {
			...attemptAt([], await own),
			ok: (await far).read === PING,
			measured: { bytes: PING.length / 2, recorded: "not egress" },
		};
	} finally {
		fixture.close();
	}
}

function isEstablished(netns: string, address: string): true | undefined {
	const listed = must("ip", "netns", "exec", netns, "ss", "-Htn", "state", "established", "dst", address);
	return listed.includes(address) || undefined;
}

/** A third namespace with its own route to the server. */
function otherNamespace(fixture: Fixture): string {
	const { world } = fixture.stage;
	const name = world.network.client.replace(/c$/, "x");
	if (existsSync(`/run/netns/${name}`)) return name;
	addNamespace(name, world.cleanup);
	must("ip", "-n", name, "link", "add", "up1", "type", "veth", "peer", "name", "down1", "netns", world.network.server);
	must("ip", "-n", name, "addr", "add", "203.0.113.1/24", "dev", "up1");
	must("ip", "-n", world.network.server, "addr", "add", "203.0.113.2/24", "dev", "down1");
	must("ip", "-n", name, "link", "set", "up1", "up");
	must("ip", "-n", world.network.server, "link", "set", "down1", "up");
	must("ip", "-n", name, "route", "add", "default", "via", "203.0.113.2");
	return name;
}

const past: Row[] = [
	{
		id: "S6a",
		costly: true,
		title: "a connection used before the daemon started",
		kind: "stop",
		run: (_, own) => existingConnection(own, "talking"),
	},
	{
		id: "S6b",
		costly: true,
		title: "the same, with a listener on its local port, so that it looks accepted",
		kind: "stop",
		who: "reader of our source",
		run: (_, own) => existingConnection(own, "listening"),
	},
	{
		id: "S6c",
		costly: true,
		title: "a connection accepted before the daemon started",
		kind: "pass",
		run: () => acceptedBefore(),
	},
	{
		id: "S8a",
		title: "a process in its own network namespace",
		kind: "stop",
		run: async (fixture, { evil }) => {
			const netns = otherNamespace(fixture);
			const sent = await fixture.script("tcp4", [`connect=${evil.v4},${echo}`, `send=${DATA}`], { netns });
			const datagram = await fixture.script("udp4", [`sendto=${evil.v4},${udp},${DATA}`], { netns });
			const arrived = await fixture.stage.bytesAt({ at: evil.v4 });
			return { ...attemptAt([{ address: evil.v4 }], sent.errno === "0" ? datagram : sent), ok: arrived > 0 };
		},
	},
	{
		id: "S8b",
		title: "an allowed host, from the process's own network namespace",
		kind: "pass",
		run: async (fixture, { good }) => {
			const steps = [`connect=${good.v4},${echo}`, `send=${PING}`, "read=1000"];
			return answered([{ address: good.v4 }], await fixture.script("tcp4", steps, { netns: otherNamespace(fixture) }));
		},
	},
	{
		id: "S8c",
		title: "a process in a container's cgroup",
		kind: "stop",
		run: async (fixture, { evil }) => {
			const below = `machine.slice/docker-${"a1".repeat(32)}.scope`;
			return attemptAt(
				[{ address: evil.v4 }],
				await fixture.script("tcp4", [`connect=${evil.v4},${echo}`, `send=${DATA}`], { below }),
			);
		},
	},
	{
		id: "S8d",
		title: "a process in a cgroup that it has just created",
		kind: "stop",
		run: async (fixture, { evil }) =>
			attemptAt(
				[{ address: evil.v4 }],
				await fixture.script("tcp4", [`connect=${evil.v4},${echo}`, `send=${DATA}`], { below: "a/b/c/d/e/f/g/h" }),
			),
	},
];

const quiet: Row[] = [
	...(["udp4", "udp6"] as const).map(
		(type, at): Row => ({
			id: `S9${"ab"[at]}`,
			title: `connect() on UDP that sends nothing, ${type === "udp4" ? "IPv4" : "IPv6"}`,
			kind: "pass",
			run: async (fixture, { evil }) => {
				const address = type === "udp4" ? evil.v4 : evil.v6;
				const outcome = await fixture.script(type, [`connect=${address},53`, "unspec", `connect=${address},9`]);
				await sleep(200);
				const denied = (await fixture.stage.records({ address })).filter((seen) => seen.verdict === "deny");
				return { ...attemptAt([{ address }], outcome), ok: outcome.errno === "0" && denied.length === 0 };
			},
		}),
	),
];

const full: Row[] = [
	{
		id: "S10a",
		costly: true,
		title: "the table of flows filled (70,000 allowed datagrams), then another host",
		kind: "stop",
		run: async (fixture, { good, evil }) => {
			await Promise.all([1, 2].map(() => fixture.script("udp4", [`flood=${good.v4},1,35000`])));
			return attemptAt([{ address: evil.v4 }], await fixture.script("udp4", [`sendto=${evil.v4},${udp},${DATA}`]));
		},
	},
	{
		id: "S10b",
		costly: true,
		title: "denied datagrams to 30,000 ports at one host",
		kind: "stop",
		run: async (fixture, { evil }) =>
			attemptAt([{ address: evil.v4 }], await fixture.script("udp4", [`flood=${evil.v4},1,30000`])),
	},
	{
		id: "S10c",
		costly: true,
		title: "no option memory left on the socket (SO_ATTACH_FILTER): hello with another name",
		kind: "stop",
		who: "reader of our source",
		policy: byHello,
		run: async (fixture, { evil }) => {
			const bytes = hello(evil.name).toString("hex");
			const steps = ["optmem", `connect=${evil.v4},${PORTS.tls}`, `send=${bytes}`, "wait=300", `?send=${DATA}`];
			return attemptAt([{ address: evil.v4 }], await fixture.script("tcp4", steps));
		},
	},
	{
		id: "S10d",
		costly: true,
		title: "no option memory left on the socket: another host by UDP",
		kind: "stop",
		run: async (fixture, { evil }) =>
			attemptAt(
				[{ address: evil.v4 }],
				await fixture.script("udp4", ["optmem", `connect=${evil.v4},${udp}`, `send=${DATA}`]),
			),
	},
	{
		id: "S10e",
		costly: true,
		title: "the ring buffer full: its reader is stopped (SIGSTOP) during 40,000 denials",
		kind: "stop",
		run: async (fixture, { evil }) => {
			const pid = fixture.stage.daemon.pid ?? 0;
			process.kill(pid, "SIGSTOP");
			try {
				await fixture.script("udp4", [`flood=${evil.v4},1,40000`]);
				await fixture.script("tcp4", [`?connect=${evil.v4},${echo}`, `?send=${DATA}`]);
			} finally {
				process.kill(pid, "SIGCONT");
			}
			const lost = await until("loss is counted", 5_000, async () => (await lostEvents(fixture)) || undefined);
			return { at: [{ address: evil.v4 }], clientSaw: `${lost} events lost, counted` };
		},
	},
	{
		id: "S10f",
		costly: true,
		title: "the allowed name after 40,000 answers for other names",
		kind: "pass",
		policy: (t) => byName(t),
		run: async (fixture, { good }) => {
			await fixture.ask(good.name);
			for (const family of [4, 6]) await Promise.all(["c", "d"].map((kind) => fixture.askMany(kind, family, 10_000)));
			await fixture.ask(good.name);
			const sent = await fixture.hello(good.v4, hello(good.name));
			return { ...attemptAt([{ address: good.v4 }], sent), ok: (await fixture.stage.bytesAt({ at: good.v4 })) > 0 };
		},
	},
];

export const KERNEL_STATE: readonly Row[] = [...past, ...quiet, ...full];
