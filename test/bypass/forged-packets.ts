/** X10: forged datagrams and DNS answers over loopback. */
import { CLIENT4, DNS4, DNS6 } from "../support/addresses.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { udp as datagram, UDP } from "../support/ip-packets.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, question, set } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { noAnswers } from "./nft.ts";
import { byAddress, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { deniedOf } from "./runner.ts";
import { attemptAt } from "./sockets.ts";

const { udp } = PORTS;
/** Allows the local host, as most policies do. */
const LOCAL = { name: "local", to: { cidr: ["127.0.0.0/8", "::1/128", `${CLIENT4}/32`] } };
const STUB = "127.0.0.53";
const ID = 77;
const asked = (name: string) => question(name, "A", ID).toString("hex");

function answer(name: string, address: string): Buffer {
	return encodeReply({
		id: ID,
		flags: 0x0480,
		question: { name, type: "A" },
		answers: [{ name, type: "A", data: address }],
		edns: false,
	});
}

export const FORGED_PACKETS: readonly Row[] = [
	{
		id: "X10a",
		title: "a reply to an inbound datagram forged over loopback",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (fixture, { evil }) => {
			const asked = datagram(evil.v4, "127.0.0.1", [udp, 46_004], Buffer.from("hello"));
			const outcome = await fixture.script("udp4", [
				"bind=0.0.0.0,46004",
				"new=raw4,255",
				"header",
				`?sendto=127.0.0.1,0,${asked.toString("hex")}`,
				"use=0",
				"read=300",
				`sendto=${evil.v4},${udp},${DATA}`,
			]);
			return attemptAt([{ address: evil.v4 }], outcome);
		},
	},
	{
		id: "X10c",
		title: "the same from a socket bound to a foreign address (IPV6_FREEBIND)",
		kind: "stop",
		who: "any user",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (fixture, { evil }) => {
			const forge = ["new=udp6", "freebind6", `bind=${evil.v6},${udp}`, `?sendto=::1,46006,${DATA}`];
			const steps = ["bind=::,46006", ...forge, "use=0", "read=300", `sendto=${evil.v6},${udp},${DATA}`];
			return attemptAt([{ address: evil.v6 }], await fixture.script("udp6", steps));
		},
	},
	{
		id: "X10d",
		title: "a reply over loopback to a socket bound to the host's own address (IPV6_FREEBIND)",
		kind: "pass",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (fixture) => {
			const asks = ["new=udp6", "freebind6", "bind=::1,46008", `sendto=::1,46007,${DATA}`];
			const outcome = await fixture.script("udp6", [
				"bind=::1,46007",
				...asks,
				"use=0",
				"read=300",
				`sendto=::1,46008,${DATA}`,
			]);
			return { ...attemptAt([], outcome), ok: outcome.errno === "0" && outcome.read !== "" };
		},
	},
	{
		id: "X10e",
		title: "the same where sockets may bind to foreign addresses (ip_nonlocal_bind)",
		kind: "stop",
		who: "any user of a host with this setting",
		policy: (t) => byAddress(t, [LOCAL]),
		run: async (fixture, { evil }) => {
			set(fixture.stage, "client", "ipv6/ip_nonlocal_bind", "1");
			try {
				const forge = ["new=udp6", `bind=${evil.v6},${udp}`, `?sendto=::1,46009,${DATA}`];
				const steps = ["bind=::,46009", ...forge, "use=0", "read=300", `sendto=${evil.v6},${udp},${DATA}`];
				return attemptAt([{ address: evil.v6 }], await fixture.script("udp6", steps));
			} finally {
				set(fixture.stage, "client", "ipv6/ip_nonlocal_bind", "0");
			}
		},
	},
	{
		id: "X10f",
		title: "a question whose source is another host, which gets the resolver's answer (IPV6_FREEBIND)",
		kind: "stop",
		who: "any user",
		run: async (fixture, { evil, good }) => {
			const { result, bytes } = await fixture.during({ address: DNS6, protocol: UDP, port: 53 }, () =>
				fixture.script("udp6", ["freebind6", `bind=${evil.v6},46010`, `sendto=${DNS6},53,${asked(good.name)}`]),
			);
			return { ...attemptAt([], result), measured: { bytes, recorded: await deniedOf(fixture, result) } };
		},
	},
	{
		id: "X10g",
		title: "an answer of a resolver on 127.0.0.0/8, forged by a raw socket",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byName(t, [LOCAL], { resolvers: [STUB] }),
		run: async (fixture, { good, evil }) => {
			const forged = datagram(STUB, "127.0.0.1", [53, 46_011], answer(good.name, evil.v4));
			await fixture.script("udp4", [
				"bind=127.0.0.1,46011",
				`sendto=${STUB},53,${asked(good.name)}`,
				"new=raw4,255",
				"header",
				`?sendto=127.0.0.1,0,${forged.toString("hex")}`,
			]);
			return attemptAt([{ address: evil.v4 }], await fixture.hello(evil.v4, hello(good.name)));
		},
	},
	{
		id: "X10b",
		title: "a resolver's answer forged over loopback: the allowed name with the attacker's address",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byName(t, [LOCAL]),
		run: async (fixture, { good, evil }) => {
			const forged = datagram(DNS4, "127.0.0.1", [53, 46_005], answer(good.name, evil.v4));
			const undo = noAnswers(fixture);
			try {
				const { read } = await fixture.script("udp4", [
					"bind=0.0.0.0,46005",
					`sendto=${DNS4},53,${asked(good.name)}`,
					"new=raw4,255",
					"header",
					`?sendto=127.0.0.1,0,${forged.toString("hex")}`,
					"use=0",
					"read=300",
				]);
				if (read === "" && !fixture.blocking) throw new Error("the forged answer did not arrive");
			} finally {
				undo();
			}
			return attemptAt([{ address: evil.v4 }], await fixture.hello(evil.v4, hello(good.name)));
		},
	},
];
