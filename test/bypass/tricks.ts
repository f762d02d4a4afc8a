/** X: what is not on the list. Sockets that were something else, packets that take another way, forged answers. */
import { CLIENT4, DNS4 } from "../support/addresses.ts";
import { Cgroup } from "../support/cgroup.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { udp as datagram } from "../support/ip-packets.ts";
import { policy } from "../support/policies.ts";
import { must, sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { hello } from "./hellos.ts";
import { nft, noAnswers } from "./nft.ts";
import { byAddress, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { deniedOf } from "./runner.ts";
import { DATA, question, type Scene, type Scripted, set } from "./scene.ts";
import { told } from "./sockets.ts";
import type { Target } from "./target.ts";

const { echo, udp } = PORTS;
const ADMIN = "root, or CAP_NET_ADMIN";
/** Its own host is allowed, as in most policies. */
const LOCAL = { name: "local", to: { cidr: ["127.0.0.0/8", "::1/128", `${CLIENT4}/32`] } };

const reused: Row[] = [
	{
		id: "X1a",
		title: "TCP: connected to an allowed host, disconnected (AF_UNSPEC), connected to another",
		kind: "stop",
		who: "reader of connect(2)",
		run: async (scene, { good, evil }) => {
			const steps = [`connect=${good.v4},${echo}`, `send=${DATA}`, "wait=50", "unspec", `connect=${evil.v4},${echo}`];
			return told([{ address: evil.v4 }], await scene.script("tcp4", [...steps, `send=${DATA}`]));
		},
	},
	{
		id: "X1b",
		title: "a socket that was accepted, disconnected, connected outwards",
		kind: "stop",
		who: "reader of our source",
		run: async (scene, { evil }) => {
			const own = scene.script("tcp4", [
				"reuse",
				`bind=0.0.0.0,46000`,
				"listen",
				"accept",
				"unspec",
				`connect=${evil.v4},${echo}`,
				`send=${DATA}`,
			]);
			await sleep(300);
			await scene.far("tcp4", [`connect=${CLIENT4},46000`, "wait=300"]);
			return told([{ address: evil.v4 }], await own);
		},
	},
	{
		id: "X1c",
		title: "a socket that listened, disconnected, connected outwards",
		kind: "stop",
		who: "reader of our source",
		run: async (scene, { evil }) => {
			const steps = ["reuse", "bind=0.0.0.0,46001", "listen", "unspec", `connect=${evil.v4},${echo}`, `send=${DATA}`];
			return told([{ address: evil.v4 }], await scene.script("tcp4", steps));
		},
	},
	{
		id: "X2",
		title: "a socket connected by a process outside the watched cgroup, handed over (SCM_RIGHTS)",
		kind: "stop",
		who: "a helper outside, where less than the host is watched",
		run: async (scene, { evil }) => {
			const outside = Cgroup.make(scene.stage.world.cleanup);
			const sent = await scene.small("handover", [outside.path, evil.v4, String(echo), "not for you"]);
			return told([{ address: evil.v4 }], sent);
		},
	},
	{
		id: "X3a",
		title: "data in the SYN (TCP Fast Open) to another host",
		kind: "stop",
		run: async (scene, { evil }) => {
			set(scene.stage, "server", "ipv4/tcp_fastopen", "1539");
			const steps = ["nocookie", `fastopen=${evil.v4},${echo},${DATA}`, "read=300"];
			return told([{ address: evil.v4 }], await scene.script("tcp4", steps));
		},
	},
	{
		id: "X3b",
		title: "a hello of another name in the SYN (TCP Fast Open)",
		kind: "stop",
		policy: byName,
		run: async (scene, { good, evil }) => {
			set(scene.stage, "server", "ipv4/tcp_fastopen", "1539");
			await scene.ask(good.name);
			const steps = ["nocookie", `fastopen=${good.v4},${PORTS.tls},${hello(evil.name).toString("hex")}`, "read=300"];
			return told([{ address: good.v4 }], await scene.script("tcp4", steps));
		},
	},
	{
		id: "X3c",
		title: "a hello of the allowed name in the SYN (TCP Fast Open)",
		kind: "pass",
		policy: byName,
		run: async (scene, { good }) => {
			set(scene.stage, "server", "ipv4/tcp_fastopen", "1539");
			await scene.ask(good.name);
			const bytes = hello(good.name);
			const steps = ["nocookie", `fastopen=${good.v4},${PORTS.tls},${bytes.toString("hex")}`, "read=500"];
			const outcome = await scene.script("tcp4", steps);
			return {
				...told([{ address: good.v4 }], outcome),
				ok: (await scene.stage.bytesAt({ at: good.v4 })) === bytes.length,
			};
		},
	},
];

const routed: Row[] = [
	{
		id: "X4a",
		title: "IPv4 loose source route: by way of an allowed host",
		kind: "stop",
		who: "any user; few routers still obey",
		run: async (scene, { good, evil }) => {
			const steps = [`lsrr=${good.v4}`, `connect=${evil.v4},${udp}`, `send=${DATA}`];
			return told([{ address: good.v4 }, { address: evil.v4 }], await scene.script("udp4", steps));
		},
	},
	{
		id: "X4b",
		title: "IPv6 segment routing: by way of an allowed host",
		kind: "stop",
		who: "root, where segment routing is in use",
		run: async (scene, { good, evil }) => {
			const steps = [`rthdr=${good.v6}`, `connect=${evil.v6},${udp}`, `send=${DATA}`];
			return told([{ address: good.v6 }, { address: evil.v6 }], await scene.script("udp6", steps));
		},
	},
	...(["dstopts", "hopopts"] as const).map(
		(header, at): Row => ({
			id: `X4${"cd"[at]}`,
			title: `IPv6 extension header (${header}) before UDP`,
			kind: "stop",
			who: "scapy",
			run: async (scene, { evil }) =>
				told([{ address: evil.v6 }], await scene.script("udp6", [header, `connect=${evil.v6},${udp}`, `send=${DATA}`])),
		}),
	),
	{
		id: "X4e",
		title: "IPv6 extension header to an allowed host",
		kind: "pass",
		run: async (scene, { good }) => {
			const outcome = await scene.script("udp6", ["dstopts", `connect=${good.v6},${udp}`, `send=${DATA}`]);
			return { ...told([{ address: good.v6 }], outcome), ok: (await scene.wire.at({ address: good.v6 })).bytes > 0 };
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
			run: async (scene) => {
				const { result, bytes } = await scene.during({ address }, () =>
					scene.script(type, [...(type === "udp4" ? ["broadcast"] : []), `sendto=${address},5353,${DATA}`]),
				);
				return { ...told([], result), measured: { bytes, recorded: await deniedOf(scene, result) } };
			},
		}),
	),
	{
		id: "X6",
		title: "the host written as a NAT64 address (64:ff9b::/96)",
		kind: "stop",
		who: "any user, where the network has NAT64",
		run: async (scene, { evil }) => {
			const address = new URL(`http://[64:ff9b::${evil.v4}]/`).hostname.slice(1, -1);
			return told([{ address }], await scene.script("udp6", [`sendto=${address},${udp},${DATA}`]));
		},
	},
	{
		id: "X7",
		title: "0.0.0.0 for the loopback, which a rule denies",
		kind: "stop",
		who: "server-side request forgery",
		policy: () => {
			const rule = { name: "loopback", action: "deny", to: { cidr: ["127.0.0.0/8", "::1/128"] } } as const;
			return policy({ defaults: { connect: "allow", tls: "allow" }, rules: [rule] });
		},
		run: async (scene) => {
			const steps = ["reuse", "bind=127.0.0.1,46003", "listen", "new=tcp4", "connect=0.0.0.0,46003", `send=${DATA}`];
			const outcome = await scene.script("tcp4", [...steps, "use=0", "accept", "read=500"]);
			return { ...told([{ address: "127.0.0.1" }, { address: "0.0.0.0" }], outcome), ok: outcome.read !== "" };
		},
	},
	{
		id: "X8a",
		title: "the destination rewritten below (DNAT in the output chain)",
		kind: "stop",
		who: ADMIN,
		run: async (scene, t) => told([{ address: t.evil.v4 }], await rewritten(scene, t)),
	},
	{
		id: "X8b",
		title: "the same: nor may a connection open, which the SYN would when it is sent again",
		kind: "stop",
		who: "whoever scans ports",
		run: async (scene, t) => {
			const outcome = await rewritten(scene, t);
			const opened = (await scene.stage.arrivals({ at: t.evil.v4 })).length > 0;
			return { ...told([{ address: t.evil.v4 }], outcome), ok: opened };
		},
	},
	{
		id: "X9a",
		title: "a tunnel made by root (VXLAN): the inner address is allowed, the outer one is not",
		kind: "stop",
		who: ADMIN,
		policy: (t) => byAddress(t, [{ name: "inner", to: { cidr: "10.77.0.0/24" } }]),
		run: async (scene, { evil }) => {
			const ns = scene.stage.world.network.client;
			must("ip", "-n", ns, "link", "add", "vx0", "type", "vxlan", "id", "7", "remote", evil.v4, "dstport", "4789");
			try {
				must("ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "vx0");
				must("ip", "-n", ns, "link", "set", "vx0", "up");
				must("ip", "-n", ns, "neigh", "add", "10.77.0.2", "lladdr", "02:00:00:00:00:02", "dev", "vx0");
				const before = (await scene.wire.at({ address: evil.v4 })).bytes;
				const outcome = await scene.script("udp4", [`sendto=10.77.0.2,${udp},${"5a".repeat(1000)}`]);
				await sleep(100);
				const sent = (await scene.wire.at({ address: evil.v4 })).bytes - before;
				/* The kernel itself announces the new link through the tunnel; what the process sent is larger. */
				return { ...told([], outcome), measured: { bytes: sent > 1000 ? sent : 0, recorded: "of the inner address" } };
			} finally {
				must("ip", "-n", ns, "link", "del", "vx0");
			}
		},
	},
];

/** A connection to the allowed host, which the kernel makes one to the other. */
async function rewritten(scene: Scene, { good, evil }: Target): Promise<Scripted> {
	const chain = "add chain ip trick out { type nat hook output priority -100; }";
	const undo = nft(scene, "client", `${chain}; add rule ip trick out ip daddr ${good.v4} dnat to ${evil.v4}`);
	try {
		return await scene.script("tcp4", [`connect=${good.v4},${echo}`, `send=${DATA}`, "wait=200"]);
	} finally {
		undo();
	}
}

const devices: Row[] = [
	{
		id: "X9b",
		title: "a network device made by root (TUN): what comes from it is forwarded, and no socket sent it",
		kind: "stop",
		who: ADMIN,
		run: async (scene, { evil }) => {
			set(scene.stage, "client", "ipv4/ip_forward", "1");
			const bytes = datagram("10.78.0.2", evil.v4, [40_000, udp], Buffer.from("not for you"));
			return told([{ address: evil.v4 }], await scene.script("udp4", [`tun=tun0,${bytes.toString("hex")}`]));
		},
	},
];

const forged: Row[] = [
	{
		id: "X10a",
		title: "an inbound datagram forged over the loopback, then the answer to it",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (scene, { evil }) => {
			const asked = datagram(evil.v4, "127.0.0.1", [udp, 46_004], Buffer.from("hello"));
			const outcome = await scene.script("udp4", [
				"bind=0.0.0.0,46004",
				"new=raw4,255",
				"header",
				`?sendto=127.0.0.1,0,${asked.toString("hex")}`,
				"use=0",
				"read=300",
				`sendto=${evil.v4},${udp},${DATA}`,
			]);
			return told([{ address: evil.v4 }], outcome);
		},
	},
	{
		id: "X10c",
		title: "the same by a socket bound to another's address (IPV6_FREEBIND)",
		kind: "stop",
		who: "any user",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (scene, { evil }) => {
			const forge = ["new=udp6", "freebind6", `bind=${evil.v6},${udp}`, `?sendto=::1,46006,${DATA}`];
			const steps = ["bind=::,46006", ...forge, "use=0", "read=300", `sendto=${evil.v6},${udp},${DATA}`];
			return told([{ address: evil.v6 }], await scene.script("udp6", steps));
		},
	},
	{
		id: "X10d",
		title: "an answer over the loopback to a socket bound to an address of the host's own (IPV6_FREEBIND)",
		kind: "pass",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (scene) => {
			const asks = ["new=udp6", "freebind6", "bind=::1,46008", `sendto=::1,46007,${DATA}`];
			const outcome = await scene.script("udp6", [
				"bind=::1,46007",
				...asks,
				"use=0",
				"read=300",
				`sendto=::1,46008,${DATA}`,
			]);
			return { ...told([], outcome), ok: outcome.errno === "0" && outcome.read !== "" };
		},
	},
	{
		id: "X10b",
		title: "a resolver's answer forged over the loopback: the allowed name, the attacker's address",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byName(t, [LOCAL]),
		run: async (scene, { good, evil }) => {
			const reply = encodeReply({
				id: 77,
				flags: 0x0480,
				question: { name: good.name, type: "A" },
				answers: [{ name: good.name, type: "A", data: evil.v4 }],
				edns: false,
			});
			const forged = datagram(DNS4, "127.0.0.1", [53, 46_005], reply);
			const undo = noAnswers(scene);
			try {
				const { read } = await scene.script("udp4", [
					"bind=0.0.0.0,46005",
					`sendto=${DNS4},53,${question(good.name, "A", 77).toString("hex")}`,
					"new=raw4,255",
					"header",
					`?sendto=127.0.0.1,0,${forged.toString("hex")}`,
					"use=0",
					"read=300",
				]);
				if (read === "" && !scene.blocking) throw new Error("the forged answer did not arrive");
			} finally {
				undo();
			}
			return told([{ address: evil.v4 }], await scene.hello(evil.v4, hello(good.name)));
		},
	},
];

export const TRICKS: readonly Row[] = [...reused, ...routed, ...devices, ...forged];
