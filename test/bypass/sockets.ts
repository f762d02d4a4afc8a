/** Sockets, S1 to S5: addresses in other forms, calls other than connect(), other protocols. */
import { until } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { DATA, type Fixture, type Scripted } from "./fixture.ts";
import { byAddress } from "./policies.ts";
import type { Attempt, Place, Row } from "./row.ts";

const { echo, udp } = PORTS;
const PING = Buffer.from("ping").toString("hex");
const UDP_CALLS = ["sendto", "sendmsg", "sendmmsg"] as const;

/** Runs a script that must not send a byte to `address`. */
async function against(fixture: Fixture, address: string, type: string, steps: readonly string[]): Promise<Attempt> {
	return attemptAt([{ address }], await fixture.script(type, steps));
}

export function attemptAt(at: readonly Place[], { errno, step }: Scripted): Attempt {
	return { at, clientSaw: errno === "0" ? "no error" : `${errno} (${step})` };
}

/** An attempt that succeeds if the data was echoed. */
export function answered(at: readonly Place[], scripted: Scripted): Attempt {
	return { ...attemptAt(at, scripted), ok: scripted.errno === "0" && scripted.read !== "" };
}

const mapped: Row[] = [
	{
		id: "S1a",
		title: "connect() to ::ffff:a.b.c.d",
		kind: "stop",
		run: (fixture, { evil }) =>
			against(fixture, evil.v4, "tcp6", [`connect=::ffff:${evil.v4},${echo}`, `send=${DATA}`, "read=200"]),
	},
	...UDP_CALLS.map(
		(call, at): Row => ({
			id: `S1${"bcd"[at]}`,
			title: `${call}() to ::ffff:a.b.c.d`,
			kind: "stop",
			run: (fixture, { evil }) => against(fixture, evil.v4, "udp6", [`${call}=::ffff:${evil.v4},${udp},${DATA}`]),
		}),
	),
	{
		id: "S1e",
		title: "connect() to ::ffff:a.b.c.d of an allowed host",
		kind: "pass",
		run: async (fixture, { good }) =>
			answered(
				[{ address: good.v4 }],
				await fixture.script("tcp6", [`connect=::ffff:${good.v4},${echo}`, `send=${PING}`, "read=1000"]),
			),
	},
];

const families: Row[] = [
	{
		id: "S2a",
		title: "the allowed host's IPv6 address, if only IPv4 is allowed",
		kind: "stop",
		policy: (t) => byAddress({ ...t, good: { ...t.good, v6: t.also.v6 } }),
		run: (fixture, { good }) => against(fixture, good.v6, "tcp6", [`connect=${good.v6},${echo}`, `send=${DATA}`]),
	},
	{
		id: "S2b",
		title: "the allowed host's IPv4 address, if only IPv6 is allowed",
		kind: "stop",
		policy: (t) => byAddress({ ...t, good: { ...t.good, v4: t.also.v4 } }),
		run: (fixture, { good }) => against(fixture, good.v4, "tcp4", [`connect=${good.v4},${echo}`, `send=${DATA}`]),
	},
];

const datagrams: Row[] = [
	...UDP_CALLS.flatMap((call, at): Row[] => [
		{
			id: `S3${"abc"[at]}`,
			title: `UDP ${call}() without connect()`,
			kind: "stop",
			run: (fixture, { evil }) => against(fixture, evil.v4, "udp4", [`${call}=${evil.v4},${udp},${DATA}`]),
		},
		{
			id: `S3${"def"[at]}`,
			title: `UDP ${call}() over IPv6`,
			kind: "stop",
			run: (fixture, { evil }) => against(fixture, evil.v6, "udp6", [`${call}=${evil.v6},${udp},${DATA}`]),
		},
	]),
	{
		id: "S3g",
		title: "connected UDP, allowed; then sendto() another destination",
		kind: "stop",
		run: (fixture, { good, evil }) =>
			against(fixture, evil.v4, "udp4", [
				`connect=${good.v4},${udp}`,
				`send=${DATA}`,
				`sendto=${evil.v4},${udp},${DATA}`,
			]),
	},
	{
		id: "S3h",
		title: "connected UDP, allowed; disconnected (AF_UNSPEC), connected elsewhere",
		kind: "stop",
		run: (fixture, { good, evil }) =>
			against(fixture, evil.v4, "udp4", [
				`connect=${good.v4},${udp}`,
				`send=${DATA}`,
				"unspec",
				`connect=${evil.v4},${udp}`,
				`send=${DATA}`,
			]),
	},
	{
		id: "S3i",
		title: "sendmmsg() of two: the first allowed, the second not",
		kind: "stop",
		run: (fixture, { good, evil }) =>
			against(fixture, evil.v4, "udp4", [`sendmmsg=${good.v4},${udp},${DATA},${evil.v4},${udp},${DATA}`]),
	},
	{
		id: "S3j",
		title: "UDP corked for an allowed host, then sendto() another one",
		kind: "stop",
		who: "reader of udp(7)",
		run: (fixture, { good, evil }) =>
			against(fixture, evil.v4, "udp4", [
				`moreto=${good.v4},${udp},${DATA}`,
				`?sendto=${evil.v4},${udp},${DATA}`,
				"cork=1",
				`?sendto=${evil.v4},${udp},${DATA}`,
				"cork=0",
			]),
	},
	{
		id: "S3k",
		title: "many datagrams in one send (UDP_SEGMENT)",
		kind: "stop",
		run: (fixture, { evil }) =>
			against(fixture, evil.v4, "udp4", ["gso=100", `connect=${evil.v4},${udp}`, `send=${"5a".repeat(1000)}`]),
	},
	{
		id: "S3l",
		title: "a datagram that leaves in fragments",
		kind: "stop",
		run: (fixture, { evil }) =>
			against(fixture, evil.v4, "udp4", [`connect=${evil.v4},${udp}`, `send=${"5a".repeat(5000)}`]),
	},
	{
		id: "S3m",
		title: "an allowed datagram that leaves in fragments",
		kind: "pass",
		run: async (fixture, { good }) => {
			const size = 5000;
			const sent = await fixture.script("udp4", [`connect=${good.v4},${udp}`, `send=${"5a".repeat(size)}`, "wait=100"]);
			const arrivals = await fixture.stage.arrivals({ port: udp });
			return { ...attemptAt([{ address: good.v4 }], sent), ok: arrivals.some((each) => each.bytes === size) };
		},
	},
];

const uring = (kind: string, how: string, at: number): Row => ({
	id: `S4${"abcdef"[at]}`,
	title: `io_uring: ${kind === "udpto" ? "sendmsg, UDP" : `connect and send, ${kind.toUpperCase()}`}${how === "poll" ? ", by the kernel's thread (SQPOLL)" : ""}`,
	kind: "stop",
	who: "malware that avoids traced system calls",
	run: async (fixture, { evil }) => {
		const port = kind === "tcp" ? echo : udp;
		return attemptAt(
			[{ address: evil.v4 }],
			await fixture.small("uring", [kind, how, evil.v4, String(port), "not for you"]),
		);
	},
});
const URING = ["tcp", "udp", "udpto"].flatMap((kind) => ["plain", "poll"].map((how) => [kind, how] as const));

const others: Row[] = [
	...URING.map(([kind, how], at) => uring(kind, how, at)),
	{
		id: "S4g",
		title: "io_uring: connect and send to an allowed host",
		kind: "pass",
		run: async (fixture, { good }) => {
			const sent = await fixture.small("uring", ["tcp", "poll", good.v4, String(echo), "for you"]);
			await until("it arrives", 2_000, async () => (await fixture.stage.bytesAt({ at: good.v4 })) === 7);
			return { ...attemptAt([{ address: good.v4 }], sent), ok: true };
		},
	},
	{
		id: "S5a",
		title: "MPTCP connect()",
		kind: "stop",
		run: (fixture, { evil }) => against(fixture, evil.v4, "mptcp4", [`connect=${evil.v4},${echo}`, `send=${DATA}`]),
	},
	{
		id: "S5b",
		title: "MPTCP connect() over IPv6",
		kind: "stop",
		run: (fixture, { evil }) => against(fixture, evil.v6, "mptcp6", [`connect=${evil.v6},${echo}`, `send=${DATA}`]),
	},
	{
		id: "S5c",
		title: "MPTCP to an allowed host",
		kind: "pass",
		run: async (fixture, { good }) =>
			answered(
				[{ address: good.v4 }],
				await fixture.script("mptcp4", [`connect=${good.v4},${echo}`, `send=${PING}`, "read=1000"]),
			),
	},
];

export const SOCKETS: readonly Row[] = [...mapped, ...families, ...datagrams, ...others];
