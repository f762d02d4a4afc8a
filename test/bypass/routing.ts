import { udp as datagram } from "../support/ip-packets.ts";
import { policy } from "../support/policies.ts";
import { must, sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, type Fixture, type Scripted, set } from "./fixture.ts";
import { nft } from "./nft.ts";
import { byAddress } from "./policies.ts";
import type { Row } from "./row.ts";
import { deniedOf } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const { echo, udp } = PORTS;
const ADMIN = "root, or CAP_NET_ADMIN";

const routed: Row[] = [
	{
		id: "X4a",
		title: "IPv4 loose source route via an allowed host",
		kind: "stop",
		who: "any user; few routers honour the option",
		run: async (fixture, { good, evil }) => {
			const steps = [`lsrr=${good.v4}`, `connect=${evil.v4},${udp}`, `send=${DATA}`];
			return attemptAt([{ address: good.v4 }, { address: evil.v4 }], await fixture.script("udp4", steps));
		},
	},
	{
		id: "X4b",
		title: "IPv6 segment routing via an allowed host",
		kind: "stop",
		who: "root, where segment routing is in use",
		run: async (fixture, { good, evil }) => {
			const steps = [`rthdr=${good.v6}`, `connect=${evil.v6},${udp}`, `send=${DATA}`];
			return attemptAt([{ address: good.v6 }, { address: evil.v6 }], await fixture.script("udp6", steps));
		},
	},
	...(["dstopts", "hopopts"] as const).map(
		(header, at): Row => ({
			id: `X4${"cd"[at]}`,
			title: `IPv6 extension header (${header}) before UDP`,
			kind: "stop",
			who: "scapy",
			run: async (fixture, { evil }) =>
				attemptAt(
					[{ address: evil.v6 }],
					await fixture.script("udp6", [header, `connect=${evil.v6},${udp}`, `send=${DATA}`]),
				),
		}),
	),
	{
		id: "X4e",
		title: "IPv6 extension header to an allowed host",
		kind: "pass",
		run: async (fixture, { good }) => {
			const outcome = await fixture.script("udp6", ["dstopts", `connect=${good.v6},${udp}`, `send=${DATA}`]);
			return {
				...attemptAt([{ address: good.v6 }], outcome),
				ok: (await fixture.wire.at({ address: good.v6 })).bytes > 0,
			};
		},
	},
	...(
		[
			["X5a", "broadcast on the link", "udp4", "198.51.100.255"],
			["X5b", "broadcast on the link (255.255.255.255)", "udp4", "255.255.255.255"],
			["X5c", "multicast on the link (224.0.0.251)", "udp4", "224.0.0.251"],
			["X5d", "multicast on the link (ff02::fb)", "udp6", "ff02::fb"],
		] as const
	).map(
		([id, title, type, address]): Row => ({
			id,
			title,
			kind: "stop",
			who: "anything with mDNS",
			run: async (fixture) => {
				const { result, bytes } = await fixture.during({ address }, () =>
					fixture.script(type, [...(type === "udp4" ? ["broadcast"] : []), `sendto=${address},5353,${DATA}`]),
				);
				return { ...attemptAt([], result), measured: { bytes, recorded: await deniedOf(fixture, result) } };
			},
		}),
	),
	{
		id: "X6",
		title: "the host written as a NAT64 address (64:ff9b::/96)",
		kind: "stop",
		who: "any user, where the network has NAT64",
		run: async (fixture, { evil }) => {
			const address = new URL(`http://[64:ff9b::${evil.v4}]/`).hostname.slice(1, -1);
			return attemptAt([{ address }], await fixture.script("udp6", [`sendto=${address},${udp},${DATA}`]));
		},
	},
	{
		id: "X7",
		title: "0.0.0.0 instead of the denied loopback address",
		kind: "stop",
		who: "server-side request forgery",
		policy: () => {
			const rule = { name: "loopback", action: "deny", to: { cidr: ["127.0.0.0/8", "::1/128"] } } as const;
			return policy({ defaults: { connect: "allow", tls: "allow" }, rules: [rule] });
		},
		run: async (fixture) => {
			const steps = ["reuse", "bind=127.0.0.1,46003", "listen", "new=tcp4", "connect=0.0.0.0,46003", `send=${DATA}`];
			const outcome = await fixture.script("tcp4", [...steps, "use=0", "accept", "read=500"]);
			return { ...attemptAt([{ address: "127.0.0.1" }, { address: "0.0.0.0" }], outcome), ok: outcome.read !== "" };
		},
	},
	{
		id: "X8a",
		title: "the destination rewritten by DNAT in the output chain",
		kind: "stop",
		who: ADMIN,
		run: async (fixture, t) => attemptAt([{ address: t.evil.v4 }], await rewritten(fixture, t)),
	},
	{
		id: "X8b",
		title: "the same: no connection opens by a retransmitted SYN",
		kind: "stop",
		who: "port scanners",
		run: async (fixture, t) => {
			const outcome = await rewritten(fixture, t);
			const opened = (await fixture.stage.arrivals({ at: t.evil.v4 })).length > 0;
			return { ...attemptAt([{ address: t.evil.v4 }], outcome), ok: opened };
		},
	},
	{
		id: "X9a",
		title: "a tunnel made by root (VXLAN): the inner address is allowed, the outer one is not",
		kind: "stop",
		who: ADMIN,
		policy: (t) => byAddress(t, [{ name: "inner", to: { cidr: "10.77.0.0/24" } }]),
		run: async (fixture, { evil }) => {
			const ns = fixture.stage.world.network.client;
			must("ip", "-n", ns, "link", "add", "vx0", "type", "vxlan", "id", "7", "remote", evil.v4, "dstport", "4789");
			try {
				must("ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "vx0");
				must("ip", "-n", ns, "link", "set", "vx0", "up");
				must("ip", "-n", ns, "neigh", "add", "10.77.0.2", "lladdr", "02:00:00:00:00:02", "dev", "vx0");
				const before = (await fixture.wire.at({ address: evil.v4 })).bytes;
				const outcome = await fixture.script("udp4", [`sendto=10.77.0.2,${udp},${"5a".repeat(1000)}`]);
				await sleep(100);
				const sent = (await fixture.wire.at({ address: evil.v4 })).bytes - before;
				/* The kernel announces the new link through the tunnel; the client's datagram is larger. */
				return {
					...attemptAt([], outcome),
					measured: { bytes: sent > 1000 ? sent : 0, recorded: "of the inner address" },
				};
			} finally {
				must("ip", "-n", ns, "link", "del", "vx0");
			}
		},
	},
];

/** A connection to the allowed host, redirected by DNAT to the other host. */
async function rewritten(fixture: Fixture, { good, evil }: Target): Promise<Scripted> {
	const chain = "add chain ip sallyport_test out { type nat hook output priority -100; }";
	const undo = nft(
		fixture,
		"client",
		`${chain}; add rule ip sallyport_test out ip daddr ${good.v4} dnat to ${evil.v4}`,
	);
	try {
		return await fixture.script("tcp4", [`connect=${good.v4},${echo}`, `send=${DATA}`, "wait=200"]);
	} finally {
		undo();
	}
}

const devices: Row[] = [
	{
		id: "X9b",
		title: "a TUN device made by root: its packets are forwarded, without a sending socket",
		kind: "stop",
		who: ADMIN,
		run: async (fixture, { evil }) => {
			set(fixture.stage, "client", "ipv4/ip_forward", "1");
			const bytes = datagram("10.78.0.2", evil.v4, [40_000, udp], Buffer.from("not for you"));
			return attemptAt([{ address: evil.v4 }], await fixture.script("udp4", [`tun=tun0,${bytes.toString("hex")}`]));
		},
	},
];

export const ROUTING: readonly Row[] = [...routed, ...devices];
