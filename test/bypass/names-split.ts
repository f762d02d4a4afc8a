/** N5 to N7: a ClientHello split into segments, and one preceded by other data. */
import { PORTS } from "../support/stage.ts";
import { clientHello, padding, records, serverName, u16 } from "../support/tls-hello.ts";
import type { Fixture } from "./fixture.ts";
import { common, hello, keyShare, largeShare } from "./hellos.ts";
import { said } from "./names-tls.ts";
import { byHello, byName } from "./policies.ts";
import type { Attempt, Row } from "./row.ts";
import { measure } from "./runner.ts";
import type { Host } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");
const RECORD = 5;

/** A split of a ClientHello: its bytes and the script's steps that send them. */
interface Cut {
	readonly bytes: Buffer;
	readonly steps: readonly string[];
}

type Way = readonly [letter: string, title: string, cut: (name: string) => Cut];

const message = (name: string) => clientHello([serverName(name), ...common()]);

function whole(bytes: Buffer, ...steps: string[]): Cut {
	return { bytes, steps: steps.length > 0 ? steps : [`send=${hex(bytes)}`] };
}

function cutAt(bytes: Buffer, ...places: number[]): Cut {
	const all = [0, ...places, bytes.length];
	const parts = places.concat(bytes.length).map((end, at) => `send=${hex(bytes.subarray(all[at], end))}`);
	return { bytes, steps: parts.flatMap((part) => [part, "wait=20"]) };
}

/** Splits in the middle of the name. */
const inName = (bytes: Buffer, name: string) => bytes.indexOf(name) + (name.length >> 1);

const WAYS: readonly Way[] = [
	["5a", "a segment a byte", (name) => whole(hello(name), `each=${hex(hello(name))}`)],
	["5b", "a record a byte, in one segment", (name) => whole(records(message(name), 1))],
	[
		"5c",
		"records of two bytes and a segment a byte",
		(name) => whole(records(message(name), 2), `each=${hex(records(message(name), 2))}`),
	],
	["5d", "records of 16 bytes", (name) => whole(records(message(name), 16))],
	[
		"5e",
		"a pause of 700 ms in the middle",
		(name) => {
			const bytes = hello(name);
			return whole(bytes, `send=${hex(bytes.subarray(0, 60))}`, "wait=700", `send=${hex(bytes.subarray(60))}`);
		},
	],
	["5f", "one byte, then the rest", (name) => cutAt(hello(name), 1)],
	["5g", "the record's header, then the rest", (name) => cutAt(hello(name), RECORD)],
	["5h", "all but the last byte, then that", (name) => cutAt(hello(name), hello(name).length - 1)],
	[
		"5i",
		"1,900 bytes, the name last, in two segments",
		(name) => {
			const extensions = [padding(400), ...common(largeShare()), serverName(name)];
			return cutAt(records(clientHello(extensions)), 1400);
		},
	],
	[
		"5j",
		"16,000 bytes in records of 4,000, the name last, in twelve segments",
		(name) => {
			const extensions = [padding(15_600), ...common(), serverName(name)];
			const bytes = records(clientHello(extensions), 4000);
			return cutAt(bytes, ...Array.from({ length: 11 }, (_, at) => (at + 1) * 1390));
		},
	],
	["6a", "two segments, cut within the name", (name) => cutAt(hello(name), inName(hello(name), name))],
	["6b", "two records, cut within the name", (name) => whole(records(message(name), inName(message(name), name)))],
	[
		"6c",
		"two records and two segments, each cut within the name at another place",
		(name) => {
			const bytes = records(message(name), inName(message(name), name));
			return cutAt(bytes, bytes.indexOf(name.slice(0, 3)) + 3);
		},
	],
	["6d", "cut in the length of the name", (name) => cutAt(hello(name), hello(name).indexOf(name) - 1)],
	[
		"6e",
		"sent with MSG_MORE, byte by byte before the name",
		(name) => {
			const bytes = hello(name);
			const at = inName(bytes, name);
			return whole(bytes, `more=${hex(bytes.subarray(0, at))}`, "wait=400", `send=${hex(bytes.subarray(at))}`);
		},
	],
];

function say(fixture: Fixture, { v4 }: Host, { steps }: Cut, after = "read=400") {
	return fixture.script("tcp4", [
		`connect=${v4},${PORTS.tls}`,
		...steps.map((step) => step.replace(/^send/, "?send")),
		after,
	]);
}

const cut: Row[] = WAYS.flatMap(([letter, title, way]): Row[] => [
	{
		id: `N${letter}`,
		title: `another name: ${title}`,
		kind: "stop",
		policy: byHello,
		run: async (fixture, { evil }) => {
			await fixture.ask(evil.name);
			const outcome = await say(fixture, evil, way(evil.name));
			/* The segments before the last one may have arrived: without the last one the ClientHello is incomplete. */
			return completed(fixture, evil, way(evil.name), said(outcome));
		},
	},
	{
		id: `N${letter}=`,
		title: `the allowed name: ${title}`,
		kind: "pass",
		policy: byName,
		run: async (fixture, { good }) => {
			await fixture.ask(good.name);
			const sent = way(good.name);
			const outcome = await say(fixture, good, sent, "read=1000");
			const arrived = await fixture.stage.bytesAt({ at: good.v4 });
			const ok = arrived === sent.bytes.length && said(outcome) === "ServerHello";
			return { at: [{ address: good.v4 }], clientSaw: said(outcome), ok };
		},
	},
]);

/** The hello has arrived if the server's socket received its full length. The wire count also includes retransmissions. */
async function completed(fixture: Fixture, host: Host, { bytes }: Cut, clientSaw: string): Promise<Attempt> {
	const at = [{ address: host.v4 }];
	const { bytes: arrived, recorded } = await measure(fixture, "stop", at);
	const isWhole = (await fixture.stage.bytesAt({ at: host.v4 })) >= bytes.length;
	return { at, clientSaw, measured: { bytes: isWhole ? arrived : 0, recorded } };
}

const EMPTY = Buffer.concat([Buffer.from([22, 3, 1]), u16(0)]);

/** Other data precedes the hello, on a connection that may be opened. The hello itself must not arrive. */
const BEFORE: readonly (readonly [letter: string, title: string, who: string, before: Buffer])[] = [
	["7g", "cleartext (SMTP's STARTTLS)", "a mail client", Buffer.from("EHLO x\r\nSTARTTLS\r\n")],
	["7h", "cleartext that looks like HTTP", "a tunnel over a proxy", Buffer.from("CONNECT x:443 HTTP/1.1\r\n\r\n")],
	["7i", "an empty record, which OpenSSL skips", "reader of OpenSSL", EMPTY],
	["7j", "a ChangeCipherSpec record (RFC 8446 D.4)", "reader of RFC 8446", Buffer.from("140303000101", "hex")],
];

/** The first hello has no key share that the server accepts, so the server sends HelloRetryRequest (RFC 8446 4.1.4). */
const retried: Row = {
	id: "N7k",
	title: "another name in the second hello, behind a HelloRetryRequest",
	kind: "stop",
	who: "reader of RFC 8446",
	policy: byHello,
	run: async (fixture, { good, evil }) => {
		await fixture.ask(good.name);
		const first = hello(good.name, common(keyShare([])));
		const outcome = await fixture.script("tcp4", [
			`connect=${good.v4},${PORTS.tls}`,
			`send=${hex(first)}`,
			"wait=100",
			`?send=${hex(hello(evil.name))}`,
			"read=400",
		]);
		const at = [{ address: good.v4 }];
		const { bytes, recorded } = await measure(fixture, "stop", at);
		return { at, clientSaw: said(outcome), measured: { bytes: Math.max(0, bytes - first.length), recorded } };
	},
};

const late: Row[] = BEFORE.map(
	([letter, title, who, before]): Row => ({
		id: `N${letter}`,
		title: `a hello of another name behind ${title}`,
		kind: "stop",
		who,
		policy: byHello,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			const bytes = hello(evil.name);
			const outcome = await fixture.script("tcp4", [
				`connect=${good.v4},${PORTS.tls}`,
				...(before === EMPTY
					? [`send=${hex(Buffer.concat([before, bytes]))}`]
					: [`send=${hex(before)}`, "wait=50", `?send=${hex(bytes)}`]),
				"read=400",
			]);
			const at = [{ address: good.v4 }];
			const { bytes: arrived, recorded } = await measure(fixture, "stop", at);
			return { at, clientSaw: said(outcome), measured: { bytes: Math.max(0, arrived - before.length), recorded } };
		},
	}),
);

/** Limits of parsing: 64 kB and 1,024 segments of a connection (docs/deciding.md). */
const bounds: Row[] = [
	{
		id: "N5k",
		title: "another name: a hello that is not complete after 1,024 segments",
		kind: "stop",
		who: "reader of our documentation",
		policy: byHello,
		run: async (fixture, { evil }) => {
			await fixture.ask(evil.name);
			const bytes = records(message(evil.name), 1);
			const outcome = await say(fixture, evil, whole(bytes, `each=${hex(bytes)},200`));
			return completed(fixture, evil, whole(bytes), said(outcome));
		},
	},
	...(
		[
			["N7l", "66 kB of cleartext", Array<string>(3).fill(`send=${"4e4f4f500d0a".repeat(3_700)}`)],
			["N7m", "1,100 segments of cleartext", [`each=${"4e".repeat(1_100)},200`]],
		] as const
	).map(
		([id, title, steps]): Row => ({
			id,
			title: `a hello of another name behind ${title}`,
			kind: "stop",
			who: "reader of our documentation",
			policy: byHello,
			run: async (fixture, { evil }) => {
				await fixture.ask(evil.name);
				const bytes = hello(evil.name);
				const sends = [`connect=${evil.v4},${PORTS.sink}`, ...steps, "wait=100", `?send=${hex(bytes)}`, "?read=300"];
				const outcome = await fixture.script("tcp4", sends);
				const before = steps.join("").replace(/send=|each=|,200/g, "").length / 2;
				const { bytes: arrived, recorded } = await measure(fixture, "stop", [{ address: evil.v4 }]);
				return { at: [], clientSaw: said(outcome), measured: { bytes: Math.max(0, arrived - before), recorded } };
			},
		}),
	),
];

export const NAMES_SPLIT: readonly Row[] = [...cut, ...late, retried, ...bounds];
