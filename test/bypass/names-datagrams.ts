/** N14r to N14y and N12l to N12n: datagrams that are not what the programs can read when they leave. */
import { DNS4 } from "../support/addresses.ts";
import { dtlsHello, dtlsMessage, dtlsNamed, dtlsRecord } from "../support/dtls-packets.ts";
import { UDP } from "../support/ip-packets.ts";
import { policy } from "../support/policies.ts";
import { crypto, initial } from "../support/quic-packets.ts";
import { PORTS } from "../support/stage.ts";
import { serverName } from "../support/tls-hello.ts";
import { question } from "./fixture.ts";
import { halves, whole } from "./names-quic.ts";
import { byAddress, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { deniedOf, measure } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");
/** More than the kernel's table of QUIC connections holds. */
const OTHERS = 700;

type Step = "zerocopy" | "sendfile";

function changedHello(id: string, title: string, step: Step): Row {
	return {
		id,
		title: `QUIC: the allowed name in ${title}`,
		kind: "stop",
		who: "any user",
		policy: byName,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			const send = `${step}=${hex(whole(good.name))},${hex(whole(evil.name))}`;
			const outcome = await fixture.script("udp4", [`connect=${good.v4},${PORTS.tls}`, send, "wait=50"]);
			return attemptAt([{ address: good.v4 }], outcome);
		},
	};
}

const evicted: Row = {
	id: "N14t",
	title: "QUIC: half a hello, other connections that take its place in the kernel's table, the other half",
	kind: "stop",
	who: "any user",
	policy: ({ good }) => policy({ rules: [{ name: "good", to: { domain: good.name } }] }),
	run: async (fixture, { good, evil }) => {
		await fixture.ask(good.name);
		const [begin, end] = halves(evil.name);
		const [first, last] = [initial({ frames: begin }), initial({ frames: end, number: 1 })];
		const other = hex(initial({ frames: crypto(0, Buffer.from("0100020003", "hex")), size: 0 }));
		const outcome = await fixture.script("udp4", [
			`connect=${good.v4},${PORTS.tls}`,
			`send=${hex(first)}`,
			"new=udp4",
			...Array.from({ length: OTHERS }, (_, at) => `?sendto=${good.v4},${20_000 + at},${other}`),
			"use=0",
			`?send=${hex(last)}`,
			"wait=50",
		]);
		const { bytes, recorded } = await measure(fixture, "stop", [{ address: good.v4, port: PORTS.tls }]);
		return { ...attemptAt([], outcome), measured: { bytes: bytes <= first.length ? 0 : bytes, recorded } };
	},
};

/** What no program can read is denied by every rule of phase dns that denies. */
function unreadQuestion(id: string, title: string, send: (t: Target) => string): Row {
	return {
		id,
		title: `DNS: ${title}, where only a rule denies`,
		kind: "stop",
		who: "any user",
		policy: (t) =>
			policy({
				defaults: { connect: "allow", tls: "allow" },
				rules: [{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: `**.${t.evil.name}` } }],
			}),
		run: async (fixture, t) => {
			const { result, bytes } = await fixture.during({ address: DNS4, protocol: UDP, port: 53 }, () =>
				fixture.script("udp4", [`connect=${DNS4},53`, send(t), "wait=50"]),
			);
			return { ...attemptAt([], result), measured: { bytes, recorded: await deniedOf(fixture, result) } };
		},
	};
}

function pair({ good, evil }: Target): string {
	const [allowed, denied] = [question(good.name), question(`data.${evil.name}`)].map(hex);
	return `${allowed},${denied}`;
}

/** A datagram to the allowed name's address, which must not arrive unless it has the allowed name. */
function dtls(id: string, title: string, way: (name: string) => Buffer, kind: Row["kind"] = "stop"): Row {
	return {
		id,
		title: `DTLS, ${kind === "stop" ? "another" : "the allowed"} name: ${title}`,
		kind,
		who: "any user",
		policy: byName,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			const datagram = way(kind === "stop" ? evil.name : good.name);
			const steps = [`connect=${good.v4},${PORTS.tls}`, `send=${hex(datagram)}`, "wait=50"];
			const outcome = await fixture.script("udp4", steps);
			return { ...attemptAt([{ address: good.v4 }], outcome), ok: kind === "pass" && outcome.errno === "0" };
		},
	};
}

/** Beginnings of datagrams that no server takes for QUIC or DTLS. */
const OTHERS_OF_UDP = {
	WireGuard: "01000000",
	NTP: "1b000000",
	RTP: "80600001",
	STUN: "00010000",
	syslog: "3c31343e",
	DHCP: "01010600",
} as const;

const otherProtocols: Row = {
	id: "N14z",
	title: `datagrams of ${Object.keys(OTHERS_OF_UDP).join(", ")} to the allowed host`,
	kind: "pass",
	policy: byAddress,
	run: async (fixture, { good }) => {
		const datagrams = Object.values(OTHERS_OF_UDP).map((head) => `send=${head}${"5a".repeat(60)}`);
		const outcome = await fixture.script("udp4", [`connect=${good.v4},${PORTS.udp}`, ...datagrams, "wait=50"]);
		const { bytes } = await fixture.wire.at({ address: good.v4 });
		return { ...attemptAt([{ address: good.v4 }], outcome), ok: bytes === datagrams.length * 64 };
	},
};

const message = (name: string) => dtlsHello([serverName(name)]);

export const NAMES_DATAGRAMS: readonly Row[] = [
	dtls("N14u", "a ClientHello", dtlsNamed),
	dtls("N14u=", "a ClientHello", dtlsNamed, "pass"),
	dtls("N14v", "behind an alert and an encrypted record", (name) =>
		Buffer.concat([
			dtlsRecord(Buffer.from([1, 0]), { type: 21 }),
			dtlsRecord(Buffer.alloc(30), { epoch: 1 }),
			dtlsNamed(name),
		]),
	),
	dtls("N14w", "a fragment", (name) => dtlsRecord(dtlsMessage(message(name), { part: [0, 60] }))),
	dtls("N14x", "within a record that OpenSSL drops", (name) => dtlsRecord(dtlsNamed(name), { type: 23 })),
	dtls(
		"N14y=",
		"records of an established connection, without a ClientHello",
		() => dtlsRecord(Buffer.alloc(200, 0x5a), { type: 23, epoch: 1 }),
		"pass",
	),
	changedHello("N14r", "pages that change after they were read (MSG_ZEROCOPY)", "zerocopy"),
	changedHello("N14s", "a file that changes after it was read (sendfile)", "sendfile"),
	evicted,
	otherProtocols,
	unreadQuestion("N12l", "a question in pages that change (MSG_ZEROCOPY)", (t) => `?zerocopy=${pair(t)}`),
	unreadQuestion("N12m", "a question in a file that changes (sendfile)", (t) => `?sendfile=${pair(t)}`),
	unreadQuestion("N12n", "a message with nine questions", ({ evil }) => {
		const asked = question(evil.name).subarray(12);
		const head = Buffer.from([0, 1, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0]);
		return `?send=${hex(Buffer.concat([head, ...Array.from({ length: 9 }, () => asked)]))}`;
	}),
];
