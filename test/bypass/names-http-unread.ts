/** N31: requests that only some servers read, or that change after they were read. */
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import type { Fixture } from "./fixture.ts";
import { byHost, hex, httpRow, type Names } from "./names-http.ts";
import type { Row } from "./row.ts";
import { measure } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

type How = "send" | "oob" | "sendfile" | "fin";
type Piece = readonly [how: How, text: string, changed?: string];
type Say = (names: Names) => readonly Piece[];

const get = (name: string, more = "") => `GET / HTTP/1.1\r\nHost: ${name}\r\n${more}\r\n`;
const head = (name: string) => ["GET / HTTP/1.1\r\nX: y", `\r\nHost: ${name}\r\n\r\n`] as const;
const SOCKS5 = "\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50";
const UPGRADE_H2C = "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
const UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const STOP: readonly (readonly [id: string, title: string, say: Say])[] = [
	["N31a", "another name behind a CR", ({ evil }) => [["send", `\r${get(evil)}`]]],
	["N31b", "another name behind a blank", ({ evil }) => [["send", ` ${get(evil)}`]]],
	["N31c", "a method of 300 letters", ({ evil }) => [["send", "A".repeat(300) + get(evil)]]],
	["N31d", "CR between the parts of the line", ({ evil }) => [["send", `POST\r/\rHTTP/1.1\r\nHost: ${evil}\r\n\r\n`]]],
	[
		"N31e",
		"another name behind 20 requests in a packet",
		({ good, evil }) => [["send", get(good).repeat(20) + get(evil)]],
	],
	[
		"N31f",
		"an urgent byte in the head",
		({ evil }) => [
			["send", head(evil)[0]],
			["oob", "z"],
			["send", head(evil)[1]],
		],
	],
	[
		"N31g",
		"half of the head by sendfile",
		({ evil }) => [
			["sendfile", head(evil)[0]],
			["send", head(evil)[1]],
		],
	],
	[
		"N31h",
		"a file that changes after sendfile",
		({ good, evil }) => [["sendfile", get(good.padEnd(40, " ")), get(evil.padEnd(40, " "))]],
	],
	[
		"N31i",
		"HTTP/2 after an upgrade",
		({ good, evil }) => [
			["send", get(good, UPGRADE_H2C)],
			["send", PREFACE + evil],
		],
	],
	[
		"N31j",
		"behind SOCKS 5",
		({ evil }) => [
			["send", SOCKS5],
			["send", get(evil)],
		],
	],
	["N31k", "behind SOCKS 5, in the same packet", ({ evil }) => [["send", SOCKS5 + get(evil)]]],
	["N31l", "behind the PROXY protocol", ({ evil }) => [["send", `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${get(evil)}`]]],
	[
		"N31m",
		"a head that ends with the stream",
		({ evil }) => [
			["send", `GET / HTTP/1.1\r\nHost: ${evil}`],
			["fin", ""],
		],
	],
];

/** The same with a default of allow in phase http. */
function byDefault({ good }: Target): string {
	return policy({ rules: [{ name: "good", to: { domain: good.name, ports: [PORTS.http, PORTS.echo] } }] });
}

const PASS: readonly (readonly [id: string, title: string, say: Say, policy?: Row["policy"]])[] = [
	["N31p=", "HTTP/2 under a default of allow", ({ good }) => [["send", PREFACE + good]], byDefault],
	["N31a=", "the allowed name behind CR LF", ({ good }) => [["send", `\r\n${get(good)}`]]],
	["N31c=", "a method of 300 letters", ({ good }) => [["send", "A".repeat(300) + get(good)]]],
	["N31e=", "20 requests in a packet", ({ good }) => [["send", get(good).repeat(20)]]],
	["N31n=", "200 requests in a packet", ({ good }) => [["send", get(good).repeat(200)]]],
	[
		"N31i=",
		"WebSocket",
		({ good }) => [
			["send", get(good, UPGRADE)],
			["send", "\x81\x85mask\x05\x04\x1f\x07\x02"],
		],
	],
	[
		"N31j=",
		"the allowed name behind SOCKS 5",
		({ good }) => [
			["send", SOCKS5],
			["send", get(good)],
		],
	],
	[
		"N31o=",
		"a body by sendfile",
		({ good }) => [
			["send", get(good, "Content-Length: 400\r\n")],
			["sendfile", "x".repeat(400)],
		],
		(t) => byHost(t).replace('"tls": "deny"', '"tls": "allow"'),
	],
];

const sizeOf = (pieces: readonly Piece[]) => pieces.reduce((sum, [, text]) => sum + text.length, 0);

async function send(fixture: Fixture, address: string, pieces: readonly Piece[], read: number) {
	const steps = pieces.flatMap(([how, text, changed]) => [
		how === "fin" ? "?fin" : `?${how}=${hex(text)}${changed === undefined ? "" : `,${hex(changed)}`}`,
		"wait=60",
	]);
	return fixture.script("tcp4", [`connect=${address},${PORTS.echo}`, ...steps, `?read=${read}`]);
}

/** Without the byte that is urgent, which the server does not read in order. */
async function hasArrived(fixture: Fixture, address: string, pieces: readonly Piece[]): Promise<boolean> {
	const urgent = pieces.filter(([how]) => how === "oob").length;
	return (await fixture.stage.bytesAt({ at: address })) >= sizeOf(pieces) - urgent;
}

export const NAMES_HTTP_UNREAD: readonly Row[] = [
	...STOP.map(([id, title, say]) =>
		httpRow(id, title, {
			kind: "stop",
			say,
			run: async (fixture, good, said) => {
				const outcome = await send(fixture, good.v4, said, 300);
				const { bytes, recorded } = await measure(fixture, "stop", [{ address: good.v4 }]);
				/* The pieces before the decisive one pass. A head that ends with the stream needs its end. */
				const last =
					said.at(-1)?.[0] === "fin" ? recorded.startsWith("deny http") : !(await hasArrived(fixture, good.v4, said));
				return { ...attemptAt([], outcome), measured: { bytes: last ? 0 : bytes, recorded } };
			},
		}),
	),
	...PASS.map(([id, title, say, policyOf = byHost]) =>
		httpRow(id, title, {
			kind: "pass",
			policy: policyOf,
			say,
			run: async (fixture, good, said) => {
				const outcome = await send(fixture, good.v4, said, 300);
				for (let tries = 0; tries < 15 && !(await hasArrived(fixture, good.v4, said)); tries++) await sleep(100);
				return { ...attemptAt([{ address: good.v4 }], outcome), ok: await hasArrived(fixture, good.v4, said) };
			},
		}),
	),
];
