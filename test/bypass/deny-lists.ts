/** L: a policy that only denies one name. What cannot be read may be for that name. */
import { policy } from "../support/policies.ts";
import { PORTS } from "../support/stage.ts";
import { clientHello, records, serverName } from "../support/tls-hello.ts";
import { common, hello } from "./hellos.ts";
import { said } from "./names-tls.ts";
import type { Row } from "./row.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const ALLOW = { dns: "allow", connect: "allow", tls: "allow", http: "allow" } as const;

function deniesOne({ evil }: Target, defaults: object = {}): string {
	const rule = { name: "evil", action: "deny" as const, phases: ["tls", "http"] as const, to: { domain: evil.name } };
	return policy({ defaults: { ...ALLOW, ...defaults }, rules: [rule] });
}

const END = "\r\n\r\n";
const host = (value: string) => Buffer.from(`GET / HTTP/1.1\r\nHost: ${value}${END}`, "latin1");

type Build = (t: { good: string; evil: string }) => Buffer;

const STOP: readonly (readonly [id: string, title: string, build: Build])[] = [
	["L1", "its name", ({ evil }) => hello(evil)],
	["L2", "its name with a port, which nginx cuts off", ({ evil }) => hello(`${evil}:443`)],
	["L3", "its name behind NUL", ({ good, evil }) => hello(`${good}\0${evil}`)],
	[
		"L4",
		"two names, its own last",
		({ good, evil }) => records(clientHello([serverName(good), serverName(evil), ...common()])),
	],
	["L5", "its name with an empty label", ({ evil }) => hello(`.${evil}`)],
	[
		"L6",
		"its name after a ClientHello of SSL 2, which a mail server takes for a broken line",
		({ evil }) => Buffer.concat([Buffer.from("\x80\x2e\x01\x03\x01\r\nSTARTTLS\r\n", "latin1"), hello(evil)]),
	],
];

const STOP_HTTP: readonly (readonly [id: string, title: string, build: Build])[] = [
	["L11", "its name", ({ evil }) => host(evil)],
	["L12", "two Hosts, its own last", ({ good, evil }) => host(`${good}\r\nHost: ${evil}`)],
	["L13", "its name in a folded line", ({ evil }) => host(`\r\n ${evil}`)],
	[
		"L14",
		"another name in the target, its own in Host",
		({ good, evil }) => Buffer.from(`GET http://${good}/ HTTP/1.1\r\nHost: ${evil}${END}`),
	],
	["L15", "its name behind a NUL", ({ good, evil }) => host(`${good}\0${evil}`)],
];

const PASS: readonly (readonly [id: string, title: string, port: number, build: Build])[] = [
	["L1=", "a ClientHello with another name", PORTS.tls, ({ good }) => hello(good)],
	["L2=", "a ClientHello without a name", PORTS.tls, () => hello(null)],
	["L3=", "a ClientHello with an address as name", PORTS.tls, () => hello("198.18.0.1")],
	["L11=", "an HTTP request with another Host", PORTS.http, ({ good }) => host(good)],
	["L12=", "an HTTP request with an address as Host", PORTS.http, () => host("198.18.0.1:80")],
	["L13=", "an HTTP request with an IPv6 address as Host", PORTS.http, () => host("[2001:db8::1]:80")],
	["L21=", "a greeting of SSH", PORTS.echo, () => Buffer.from("SSH-2.0-OpenSSH_9.2p1\r\n")],
];

const stopped =
	(port: number, what: string) =>
	([id, title, build]: readonly [string, string, Build]): Row => ({
		id,
		title: `a deny list: ${what}: ${title}`,
		kind: "stop",
		policy: deniesOne,
		run: async (fixture, { good, evil }) => {
			const outcome = await fixture.hello(evil.v4, build({ good: good.name, evil: evil.name }), port);
			return { ...attemptAt([{ address: evil.v4 }], outcome), clientSaw: said(outcome) };
		},
	});

export const DENY_LISTS: readonly Row[] = [
	...STOP.map(stopped(PORTS.tls, "TLS")),
	...STOP_HTTP.map(stopped(PORTS.http, "HTTP")),
	...PASS.map(
		([id, title, port, build]): Row => ({
			id,
			title: `a deny list: ${title}`,
			kind: "pass",
			policy: deniesOne,
			run: async (fixture, { good, evil }) => {
				const bytes = build({ good: good.name, evil: evil.name });
				const outcome = await fixture.hello(good.v4, bytes, port);
				const arrived = await fixture.stage.bytesAt({ at: good.v4 });
				return { at: [{ address: good.v4 }], clientSaw: said(outcome), ok: arrived === bytes.length };
			},
		}),
	),
	{
		id: "L30=",
		title: "a deny list with defaults.unread: allow: what cannot be read passes",
		kind: "pass",
		policy: (target) => deniesOne(target, { unread: "allow" }),
		run: async (fixture, { good, evil }) => {
			const bytes = hello(`${evil.name}:443`);
			const outcome = await fixture.hello(good.v4, bytes);
			const arrived = await fixture.stage.bytesAt({ at: good.v4 });
			return { at: [{ address: good.v4 }], clientSaw: said(outcome), ok: arrived === bytes.length };
		},
	},
];
