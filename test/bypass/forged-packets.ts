/** X10: forged datagrams and DNS answers over loopback. */
import { CLIENT4, DNS4 } from "../support/addresses.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { udp as datagram } from "../support/ip-packets.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, question } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { noAnswers } from "./nft.ts";
import { byAddress, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";

const { udp } = PORTS;
/** Allows the local host, as most policies do. */
const LOCAL = { name: "local", to: { cidr: ["127.0.0.0/8", "::1/128", `${CLIENT4}/32`] } };

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
		id: "X10b",
		title: "a resolver's answer forged over loopback: the allowed name with the attacker's address",
		kind: "stop",
		who: "root, or CAP_NET_RAW",
		policy: (t) => byName(t, [LOCAL]),
		run: async (fixture, { good, evil }) => {
			const reply = encodeReply({
				id: 77,
				flags: 0x0480,
				question: { name: good.name, type: "A" },
				answers: [{ name: good.name, type: "A", data: evil.v4 }],
				edns: false,
			});
			const forged = datagram(DNS4, "127.0.0.1", [53, 46_005], reply);
			const undo = noAnswers(fixture);
			try {
				const { read } = await fixture.script("udp4", [
					"bind=0.0.0.0,46005",
					`sendto=${DNS4},53,${question(good.name, "A", 77).toString("hex")}`,
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
