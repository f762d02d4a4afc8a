/** N9 to N12c: DNS answers that must not add a name's address, and forms of answers that must. */

import { CLIENT4, DNS4, ROGUE4 } from "../support/addresses.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { udp as datagram } from "../support/ip-packets.ts";
import { sleep } from "../support/run.ts";
import type { ZoneRecord } from "../support/zone.ts";
import { type Fixture, question, type Scripted } from "./fixture.ts";
import { hello } from "./hellos.ts";
import { DNS_QUERIES, DNS_QUERIES_TCP } from "./names-dns-queries.ts";
import { noAnswers } from "./nft.ts";
import { byName } from "./policies.ts";
import type { Attempt, Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");
const FORGED_ID = 4660;
const ROGUE = { name: "own-resolver", to: { cidr: `${ROGUE4}/32`, ports: 53 } };

/** An answer for the allowed name with the attacker's address. */
function forgedReply({ good, evil }: Target, name = good.name): Buffer {
	const answers = [{ name, type: "A", data: evil.v4 } as const];
	return encodeReply({ id: FORGED_ID, flags: 0x0480, question: { name, type: "A" }, answers, edns: false });
}

/** Sends a ClientHello with the allowed name to the attacker's address, which the forged answer must not have made allowed. */
async function helloAfterwards(fixture: Fixture, { good, evil }: Target, waited?: Scripted): Promise<Attempt> {
	if (waited?.read === "") throw new Error("the forged answer did not arrive");
	return attemptAt([{ address: evil.v4 }], await fixture.hello(evil.v4, hello(good.name)));
}

/** Sends a datagram from the server's namespace, with a resolver's address as its source, to a waiting socket. */
async function forgeTo(fixture: Fixture, port: number, from: string, reply: Buffer): Promise<void> {
	const bytes = hex(datagram(from, CLIENT4, [53, port], reply));
	await fixture.far("raw4,255", ["header", `sendto=${CLIENT4},0,${bytes}`]);
}

const asked = (t: Target, to: string) => `sendto=${to},53,${hex(question(t.good.name, "A", FORGED_ID))}`;

const forged: Row[] = [
	{
		id: "N9a",
		title: "an unsolicited answer from the trusted resolver's address",
		kind: "stop",
		who: "an attacker on the path, or outside",
		policy: byName,
		run: async (fixture, t) => {
			const waits = fixture.script("udp4", ["bind=0.0.0.0,47000", "read=1500"]);
			await sleep(400);
			await forgeTo(fixture, 47_000, DNS4, forgedReply(t));
			return helloAfterwards(fixture, t, await waits);
		},
	},
	{
		id: "N9b",
		title: "the right id, resolver and name, but on another socket",
		kind: "stop",
		who: "Kaminsky, 2008",
		policy: byName,
		run: async (fixture, t) => {
			const waits = fixture.script("udp4", [asked(t, DNS4), "new=udp4", "bind=0.0.0.0,47001", "read=1500"]);
			await sleep(400);
			await forgeTo(fixture, 47_001, DNS4, forgedReply(t));
			return helloAfterwards(fixture, t, await waits);
		},
	},
	{
		id: "N9c",
		title: "the right socket and id, but from another address than queried",
		kind: "stop",
		policy: (t) => byName(t, [{ name: "silent", to: { cidr: "198.51.100.77/32", ports: 53 } }]),
		run: async (fixture, t) => {
			const waits = fixture.script("udp4", ["bind=0.0.0.0,47002", asked(t, "198.51.100.77"), "read=1500"]);
			await sleep(400);
			await forgeTo(fixture, 47_002, DNS4, forgedReply(t));
			return helloAfterwards(fixture, t, await waits);
		},
	},
	{
		id: "N9d",
		title: "a query for the attacker's name, an answer for the allowed one",
		kind: "stop",
		policy: byName,
		run: async (fixture, t) => {
			const name = `attacker.${t.evil.name}`;
			const undo = noAnswers(fixture);
			try {
				const steps = ["bind=0.0.0.0,47003", `sendto=${DNS4},53,${hex(question(name, "A", FORGED_ID))}`, "read=1500"];
				const waits = fixture.script("udp4", steps);
				await sleep(400);
				await forgeTo(fixture, 47_003, DNS4, forgedReply(t));
				return await helloAfterwards(fixture, t, await waits);
			} finally {
				undo();
			}
		},
	},
	{
		id: "N10",
		title: "the process queries its own resolver, which answers with the attacker's address",
		kind: "stop",
		who: "any user with a server",
		policy: (t) => byName(t, [ROGUE]),
		run: async (fixture, t) => {
			await fixture.zone({ [t.good.name]: [{ type: "A", data: t.evil.v4 }] });
			await fixture.ask(t.good.name, { resolver: ROGUE4 });
			await fixture.zone({});
			return helloAfterwards(fixture, t);
		},
	},
];

/** An unusual but valid form of answer must add the address. */
function learns(id: string, title: string, zone: (t: Target) => Record<string, readonly ZoneRecord[]>, how?: How): Row {
	return {
		id,
		title,
		kind: "pass",
		policy: byName,
		run: async (fixture, t) => {
			await fixture.zone(zone(t));
			await (how ?? ((own, { good }) => own.ask(good.name)))(fixture, t);
			await fixture.zone({});
			const outcome = await fixture.hello(t.good.v4, hello(t.good.name));
			const arrived = await fixture.stage.bytesAt({ at: t.good.v4 });
			return { ...attemptAt([{ address: t.good.v4 }], outcome), ok: arrived > 0 };
		},
	};
}

type How = (fixture: Fixture, target: Target) => Promise<unknown>;

function chain({ good }: Target, length: number, ttl: number): Record<string, readonly ZoneRecord[]> {
	const at = (step: number) => (step === 0 ? good.name : `step${step}.${good.name}`);
	const links = Array.from({ length }, (_, step) => [at(step), [{ type: "CNAME", data: at(step + 1) }]] as const);
	return { ...Object.fromEntries(links), [at(length)]: [{ type: "A", data: good.v4, ttl }] };
}

const overTcp =
	(prefix = ""): How =>
	(fixture, { good }) => {
		const message = question(`${prefix}${good.name}`);
		const framed = Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
		return fixture.script("tcp4", [`connect=${DNS4},53`, `send=${hex(framed)}`, "read=500", "read=200"]);
	};

const forms: Row[] = [
	learns("N11a", "a CNAME chain of eight", (t) => chain(t, 8, 60)),
	learns("N11b", "a chain whose last record has a TTL of 0", (t) => chain(t, 3, 0)),
	learns("N11c", "an answer of thirty addresses, of which the last is used", ({ good, nameless }) => ({
		[good.name]: [
			...Array.from({ length: 29 }, (_, at) => ({ type: "A", data: nameless.v4.replace(/\d+$/, String(at)) }) as const),
			{ type: "A", data: good.v4 },
		],
	})),
	learns(
		"N11d",
		"the name in mixed case (0x20)",
		() => ({}),
		(fixture, { good }) => fixture.ask([...good.name].map((c, at) => (at % 2 ? c.toUpperCase() : c)).join("")),
	),
	{
		...learns(
			"N11e",
			"one question to two resolvers with one id, as musl sends it",
			() => ({}),
			(fixture, t) => fixture.script("udp4", [asked(t, DNS4), asked(t, ROGUE4), "read=500", "read=500"]),
		),
		policy: (t) => byName(t, [ROGUE]),
	},
	learns(
		"N12a",
		"a question with EDNS",
		() => ({}),
		(fixture, { good }) => {
			const message = question(good.name);
			message.writeUInt16BE(1, 10);
			const opt = Buffer.from("00002904d0000000000000", "hex");
			return fixture.script("udp4", [`connect=${DNS4},53`, `send=${hex(Buffer.concat([message, opt]))}`, "read=500"]);
		},
	),
];

const stream: Row[] = [
	learns("N12b", "an answer over TCP", () => ({}), overTcp()),
	{
		...learns("N12c", "an answer over TCP, in two pieces", () => ({}), overTcp("split-")),
		policy: (t) => byName(split(t)),
		run: async (fixture, t) => {
			await fixture.zone({ [split(t).good.name]: [{ type: "A", data: t.good.v4 }] });
			await overTcp("split-")(fixture, t);
			await fixture.zone({});
			const outcome = await fixture.hello(t.good.v4, hello(split(t).good.name));
			const arrived = await fixture.stage.bytesAt({ at: t.good.v4 });
			return { ...attemptAt([{ address: t.good.v4 }], outcome), ok: arrived > 0 };
		},
	},
];

function split(t: Target): Target {
	return { ...t, good: { ...t.good, name: `split-${t.good.name}` } };
}

export const NAMES_DNS: readonly Row[] = [...forged, ...forms, ...DNS_QUERIES];
export const NAMES_DNS_TCP: readonly Row[] = [...stream, ...DNS_QUERIES_TCP];
