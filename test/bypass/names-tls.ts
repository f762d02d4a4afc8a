/** N1 to N4 and N8: complete ClientHellos, and the agreement of name and address. */
import { records as api } from "../support/api.ts";
import { PORTS } from "../support/stage.ts";
import { clientHello, type Extension, padding, records, serverName, vector16 } from "../support/tls-hello.ts";
import type { Fixture, Scripted } from "./fixture.ts";
import { common, ech, grease, hello, largeShare } from "./hellos.ts";
import { byHello, byName } from "./policies.ts";
import type { Attempt, Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

type Build = (target: Target) => Buffer;

/** The server's response: ServerHello is handshake message 2, an alert is record type 21. */
export function said(scripted: Scripted): string {
	const [type, kind] = [scripted.read.slice(0, 2), scripted.read.slice(10, 12)];
	if (type === "16" && kind === "02") return "ServerHello";
	if (type === "15") return "alert";
	return scripted.errno === "0" ? "no error" : `${scripted.errno} (${scripted.step})`;
}

/** A hello to the address of another name or of none. connect() is allowed to every address. */
export function stopped(id: string, title: string, build: Build, more: Partial<Row> = {}): Row {
	return {
		id,
		title,
		kind: "stop",
		policy: byHello,
		run: async (fixture, t) => {
			await fixture.ask(t.evil.name);
			const outcome = await fixture.hello(t.evil.v4, build(t));
			return { at: [{ address: t.evil.v4 }], clientSaw: said(outcome) };
		},
		...more,
	};
}

/** A hello with the allowed name to that name's address, which a server answers. */
export function passed(id: string, title: string, build: Build, more: Partial<Row> = {}): Row {
	return {
		id,
		title,
		kind: "pass",
		policy: byName,
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			return arrivedWhole(fixture, t.good.v4, build(t));
		},
		...more,
	};
}

async function arrivedWhole(fixture: Fixture, address: string, bytes: Buffer): Promise<Attempt> {
	const outcome = await fixture.hello(address, bytes);
	const arrived = await fixture.stage.bytesAt({ at: address });
	return { at: [{ address }], clientSaw: said(outcome), ok: outcome.errno === "0" && arrived === bytes.length };
}

const binding: Row[] = [
	{
		...stopped("N1a", "allowed SNI to an address that DNS never gave for it", () => Buffer.alloc(0)),
		run: async (fixture, { good, nameless }) => {
			await fixture.ask(good.name);
			return attemptAt([{ address: nameless.v4 }], await fixture.hello(nameless.v4, hello(good.name)));
		},
	},
	stopped("N1b", "allowed SNI to an address that DNS gave for another name", (t) => hello(t.good.name)),
	{
		...stopped("N1c", "the same over IPv6", () => Buffer.alloc(0)),
		run: async (fixture, { good, nameless }) => {
			await fixture.ask(good.name, { type: "AAAA" });
			return attemptAt([{ address: nameless.v6 }], await fixture.hello(nameless.v6, hello(good.name)));
		},
	},
	{
		...stopped("N2a", "an address learned for an allowed name, another SNI", () => Buffer.alloc(0)),
		policy: byName,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			return attemptAt([{ address: good.v4 }], await fixture.hello(good.v4, hello(evil.name)));
		},
	},
	{
		...stopped("N2b", "the SNI of one allowed name to the address of another", () => Buffer.alloc(0)),
		policy: byName,
		run: async (fixture, { good, also }) => {
			await fixture.ask(good.name);
			await fixture.ask(also.name);
			return attemptAt([{ address: good.v4 }], await fixture.hello(good.v4, hello(also.name)));
		},
	},
];

/** Sent to an address resolved for the allowed name, so that only the content of the hello can deny it. */
const odd = (id: string, title: string, build: Build): Row => ({
	...stopped(id, title, build),
	policy: byName,
	run: async (fixture, t) => {
		await fixture.ask(t.good.name);
		return { at: [{ address: t.good.v4 }], clientSaw: said(await fixture.hello(t.good.v4, build(t))) };
	},
});

const names: Row[] = [
	odd("N3a", "no SNI", () => hello(null)),
	odd("N3b", "an IPv4 address in the SNI", (t) => hello(t.good.v4)),
	odd("N3c", "an IPv6 address in the SNI", (t) => hello(t.good.v6)),
	odd("N3d", "NUL behind the allowed name", (t) => hello(`${t.good.name}\0.${t.evil.name}`)),
	odd("N3e", "NUL before the allowed name", (t) => hello(`${t.evil.name}\0.${t.good.name}`)),
	odd("N3f", "256 bytes and more, ending in the allowed name", (t) => hello(`${"x.".repeat(130)}${t.good.name}`)),
	odd("N3g", "300 bytes in one label", (t) => hello(`${"x".repeat(300)}.${t.good.name}`)),
	odd("N3h", "an empty name", () => hello("")),
	odd("N3i", "UTF-8 in the name", (t) => hello(Buffer.from(`bücher.${t.good.name}`).toString("latin1"))),
	odd("N3j", "another name in upper case", (t) => hello(t.evil.name.toUpperCase())),
	odd("N3k", "two dots in the name", (t) => hello(`.${t.good.name}`)),
	odd("N3l", "a name of a type that is no host_name", (t) =>
		records(clientHello([otherType(t.good.name), ...common()])),
	),
	passed("N3m", "the allowed name in upper case", (t) => hello(t.good.name.toUpperCase())),
	passed("N3n", "the allowed name with a trailing dot", (t) => hello(`${t.good.name}.`)),
];

/** A server_name entry of type 1, which is undefined (RFC 6066 3). */
function otherType(name: string): Extension {
	const bytes = Buffer.from(name);
	return { type: 0, data: vector16(Buffer.concat([Buffer.from([1]), vector16(bytes)])) };
}

const large: Row[] = [
	passed("N4a", "hello of 1,900 bytes, the name after a post-quantum key share", (t) =>
		records(clientHello([grease(), padding(400), ...common(largeShare()), serverName(t.good.name)])),
	),
	stopped("N4b", "the same with another name", (t) =>
		records(clientHello([grease(), padding(400), ...common(largeShare()), serverName(t.evil.name)])),
	),
	{
		...passed("N4c", "the same, segments of 500 bytes", () => Buffer.alloc(0)),
		run: async (fixture, { good }) => {
			await fixture.ask(good.name);
			const bytes = records(clientHello([padding(400), ...common(largeShare()), serverName(good.name)]));
			const outcome = await fixture.script("tcp4", [
				"mss=500",
				`connect=${good.v4},${PORTS.tls}`,
				`send=${bytes.toString("hex")}`,
				"read=300",
			]);
			const arrived = await fixture.stage.bytesAt({ at: good.v4 });
			return { at: [{ address: good.v4 }], clientSaw: said(outcome), ok: arrived === bytes.length };
		},
	},
	{
		...passed("N4d", "Node's own hello (X25519MLKEM768), handshake and answer", () => Buffer.alloc(0)),
		run: async (fixture, { good }) => {
			const outcome = await fixture.stage.node(good.name, PORTS.tls);
			return {
				at: [{ address: good.v4 }, { address: good.v6 }],
				clientSaw: outcome.ok ? "HTTP 200" : (outcome.error ?? ""),
				ok: outcome.ok,
			};
		},
	},
];

const hidden: Row[] = [
	passed("N8a", "GREASE'd ECH and GREASE'd extensions, as Chrome sends them", (t) =>
		hello(t.good.name, [grease(), ...common(), ech(), grease(1)]),
	),
	stopped("N8b", "ECH whose outer name is not allowed", (t) => hello(t.evil.name, [...common(), ech()])),
	{
		...passed("N8c", "ECH whose outer name is allowed: recorded as ECH", () => Buffer.alloc(0)),
		run: async (fixture, { good }) => {
			await fixture.ask(good.name);
			const tried = await arrivedWhole(fixture, good.v4, hello(good.name, [...common(), ech()]));
			const seen = await api(fixture.stage.daemon, `&address=${good.v4}`);
			return { ...tried, ok: tried.ok === true && seen.some((each) => each.name === good.name) };
		},
	},
];

const ports: Row[] = [
	{
		...stopped("N7a", "TLS on another port", () => Buffer.alloc(0)),
		run: async (fixture, { evil }) => {
			const outcome = await fixture.hello(evil.v4, hello(evil.name), PORTS.sink);
			return attemptAt([{ address: evil.v4 }], outcome);
		},
	},
	...(
		[
			["N7b", "cleartext first, then a hello", "GET / HTTP/1.1\r\n\r\n"],
			["N7c", "garbage first, then a hello", "\xff\xff\xff\xff"],
			["N7d", "SSLv2-style hello", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"],
			["N7e", "an alert record first", "\x15\x03\x01\x00\x02\x01\x00"],
		] as const
	).map(([id, title, before]) => ({
		...stopped(id, `name_binding: sni: ${title}`, () => Buffer.alloc(0)),
		policy: (t: Target) => byName(t, [], { name_binding: "sni" }),
		run: async (fixture: Fixture, { good, nameless }: Target) => {
			const steps = [`send=${Buffer.from(before, "latin1").toString("hex")}`, "wait=50"];
			return attemptAt(
				[{ address: nameless.v4 }],
				await fixture.script("tcp4", [
					`connect=${nameless.v4},${PORTS.tls}`,
					...steps,
					`send=${hello(good.name).toString("hex")}`,
					"read=300",
				]),
			);
		},
	})),
	{
		...stopped("N7f", "name_binding: sni: another name to an address without one", () => Buffer.alloc(0)),
		policy: (t) => byName(t, [], { name_binding: "sni" }),
		run: async (fixture, { evil, nameless }) =>
			attemptAt([{ address: nameless.v4 }], await fixture.hello(nameless.v4, hello(evil.name))),
	},
];

export const NAMES_TLS: readonly Row[] = [...binding, ...names, ...large, ...ports, ...hidden];
