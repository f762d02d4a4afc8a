/** X, names in TLS: streams that the receiver reads differently from the parser. */

import { must, sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { clientHello, records, serverName, u16, vector16 } from "../support/tls-hello.ts";
import type { Fixture } from "./fixture.ts";
import { common, hello } from "./hellos.ts";
import { nft } from "./nft.ts";
import { byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");

/**
 * A stop row whose measure is the data that a read-only listener received: did its first `head` bytes contain the other name's
 * hello? `lossy`: the server drops the first segment with data.
 */
export function seenThere(
	id: string,
	title: string,
	who: string,
	steps: (t: Target) => readonly string[],
	{ lossy = false, head = 180 } = {},
): Row {
	return {
		id,
		title,
		kind: "stop",
		who,
		policy: byName,
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			const undo = lossy ? loseFirst(fixture, t.good.v4) : () => {};
			try {
				const connect = `connect=${t.good.v4},${PORTS.sink}`;
				const outcome = await fixture.script("tcp4", [connect, ...steps(t), "wait=600"]);
				await sleep(100);
				const heads = (await fixture.stage.arrivals({ at: t.good.v4 })).map((each) => each.head);
				const leaked = heads.some((each) => Buffer.from(each, "latin1").subarray(0, head).includes(t.evil.name));
				const seen = (await fixture.stage.records({ address: t.good.v4 }))[0];
				const recorded =
					seen === undefined ? "no record" : `${seen.verdict} ${seen.phase}: ${seen.rule ?? seen.reason}`;
				const bytes = leaked ? (heads[0]?.length ?? 0) : 0;
				return { ...attemptAt([], outcome), measured: { bytes, recorded } };
			} finally {
				undo();
			}
		},
	};
}

/** The server drops the first data segment, as an attacker's server could. */
function loseFirst(fixture: Fixture, address: string): () => void {
	const match = `ip daddr ${address} tcp dport ${PORTS.sink} meta length > 150 quota until 300 bytes drop`;
	return nft(
		fixture,
		"server",
		`add chain ip sallyport_test in { type filter hook input priority 0; }; add rule ip sallyport_test in ${match}`,
	);
}

/**
 * TCP urgent data, which the receiver removes from the stream, precedes the session id's length. With that byte, the session id
 * is so long that the following allowed name is parsed. Without it, the name is part of the cipher suites.
 */
function withUrgentByte(evil: string, decoy: string): { before: Buffer; urgent: Buffer; after: Buffer } {
	const { type, data } = serverName(decoy);
	const inner = Buffer.concat([u16(type), vector16(data)]);
	const body = Buffer.concat([u16(2), Buffer.from("1301", "hex"), Buffer.from([1, 0]), u16(inner.length), inner]);
	const even = Buffer.concat([body, Buffer.alloc(body.length % 2)]);
	const suites = Buffer.concat([Buffer.from("130113021303", "hex"), even]);
	const sessionId = Buffer.alloc(32, 0x53);
	const whole = records(clientHello([serverName(evil), ...common()], { sessionId, suites }));
	const at = 5 + 4 + 2 + 32;
	/* the real length and id, the length of the list, three suites */
	const skip = 1 + sessionId.length + 2 + 6;
	return { before: whole.subarray(0, at), urgent: Buffer.from([skip]), after: whole.subarray(at) };
}

export const TLS_DESYNC: readonly Row[] = [
	seenThere(
		"X11a",
		"MSG_ZEROCOPY: the page is changed after it was judged, before it is sent again",
		"an attacker's client and server",
		(t) => [`zerocopy=${hex(hello(t.good.name))},${hex(hello(t.evil.name))}`],
		{ lossy: true },
	),
	seenThere(
		"X11b",
		"sendfile(): the file is changed after it was judged",
		"any user",
		(t) => [`sendfile=${hex(hello(t.good.name))},${hex(hello(t.evil.name))}`],
		{ lossy: true },
	),
	seenThere(
		"X11c",
		"splice(): the file is changed after it was judged, before it is sent again",
		"an attacker's client and server",
		(t) => [`splice=${hex(hello(t.good.name))},${hex(hello(t.evil.name))}`],
		{ lossy: true },
	),
	seenThere(
		"X12",
		"an urgent byte (MSG_OOB), which the receiver takes out, makes it another hello",
		"Ptacek and Newsham, 1998",
		(t) => {
			const { before, urgent, after } = withUrgentByte(t.evil.name, t.good.name);
			return [`more=${hex(before)}`, `oob=${hex(urgent)}`, `send=${hex(after)}`];
		},
	),
	seenThere("X12b", "the same, in one packet with the rest of the hello", "Ptacek and Newsham, 1998", (t) => {
		const { before, urgent, after } = withUrgentByte(t.evil.name, t.good.name);
		const [first, rest] = [before.subarray(0, 14), before.subarray(14)];
		return [
			"pace=4",
			`each=${hex(first)}`,
			`send=${hex(rest)}`,
			`oob=${hex(urgent)}`,
			`send=${hex(after)}`,
			"wait=3000",
		];
	}),
	seenThere("X13a", "two server_name extensions, the allowed name first", "reader of RFC 8446 4.2", (t) => [
		`send=${hex(records(clientHello([serverName(t.good.name), serverName(t.evil.name), ...common()])))}`,
	]),
	seenThere("X13b", "two names in one server_name, the allowed one first", "reader of RFC 6066 3", (t) => [
		`send=${hex(records(clientHello([serverName(t.good.name, t.evil.name), ...common()])))}`,
	]),
	{
		id: "X14",
		title: "MPTCP: the allowed server announces another address (ADD_ADDR), and the kernel connects to it",
		kind: "stop",
		who: "an attacker's server",
		run: (fixture, t) => secondAddress(fixture, t),
	},
];

async function secondAddress(fixture: Fixture, { good, evil }: Target) {
	const { client, server } = fixture.stage.world.network;
	const mptcp = (ns: string, ...args: string[]) => must("ip", "-n", ns, "mptcp", ...args);
	must("ip", "-n", server, "addr", "add", `${evil.v4}/32`, "dev", "lo");
	mptcp(server, "limits", "set", "subflow", "2", "add_addr_accepted", "2");
	mptcp(client, "limits", "set", "subflow", "2", "add_addr_accepted", "2");
	mptcp(server, "endpoint", "add", evil.v4, "dev", "lo", "signal");
	try {
		const far = fixture.far("mptcp4", ["reuse", "bind=0.0.0.0,46006", "listen", "accept", "read=1500", "wait=1500"]);
		await sleep(300);
		const data = "5a".repeat(20_000);
		const steps = [
			`connect=${good.v4},46006`,
			`send=${data}`,
			"wait=400",
			...Array(20).fill(`send=${data}`),
			"wait=300",
		];
		const outcome = await fixture.script("mptcp4", steps);
		await far;
		const counted = await fixture.wire.at({ address: evil.v4 });
		return {
			...attemptAt([{ address: evil.v4 }], outcome),
			clientSaw: `${counted.packets} packets to the second address`,
		};
	} finally {
		mptcp(server, "endpoint", "flush");
		must("ip", "-n", server, "addr", "del", `${evil.v4}/32`, "dev", "lo");
	}
}
