/** N16: names in cleartext HTTP (RFC 9112), in phase http. */

import { policy } from "../support/policies.ts";
import { PORTS } from "../support/stage.ts";
import type { Fixture } from "./fixture.ts";
import type { Row } from "./row.ts";
import { measure } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

/** Allows the name on port 80, with a default of deny in phase http. */
export function byHost({ good }: Target): string {
	const rule = { name: "good", to: { domain: good.name, ports: [PORTS.http, PORTS.echo] } };
	return policy({ rules: [rule] }).replace('"http": "allow"', '"http": "deny"');
}

export const hex = (text: string) => Buffer.from(text, "latin1").toString("hex");

export type Names = { readonly good: string; readonly evil: string };

interface HttpRow<S> {
	readonly kind: Row["kind"];
	readonly policy?: Row["policy"];
	/** What the client says to the allowed host. */
	readonly say: (names: Names) => S;
	readonly run: (fixture: Fixture, good: Target["good"], said: S) => ReturnType<Row["run"]>;
}

/** A row in which a client that has asked for the allowed name says something to its address. */
export function httpRow<S>(id: string, title: string, { kind, policy = byHost, say, run }: HttpRow<S>): Row {
	return {
		id,
		title: `HTTP: ${title}`,
		kind,
		policy,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			return run(fixture, good, say({ good: good.name, evil: evil.name }));
		},
	};
}

/** Each piece is sent as one segment. */
type Say = (names: Names) => string | readonly string[];

const END = "\r\n\r\n";

const STOP: readonly (readonly [id: string, title: string, say: Say])[] = [
	["N16a", "Host of another name", ({ evil }) => `GET / HTTP/1.1\r\nHost: ${evil}${END}`],
	["N16b", "Host of another name with a port", ({ evil }) => `GET / HTTP/1.1\r\nHost: ${evil}:80${END}`],
	[
		"N16c",
		"absolute URI of another name, the allowed one in Host",
		({ good, evil }) => `GET http://${evil}/ HTTP/1.1\r\nHost: ${good}${END}`,
	],
	[
		"N16d",
		"two Hosts, the allowed one first",
		({ good, evil }) => `GET / HTTP/1.1\r\nHost: ${good}\r\nHost: ${evil}${END}`,
	],
	[
		"N16e",
		"two Hosts, the allowed one last",
		({ good, evil }) => `GET / HTTP/1.1\r\nHost: ${evil}\r\nHost: ${good}${END}`,
	],
	["N16f", "Host in a folded line (obs-fold)", ({ evil }) => `GET / HTTP/1.1\r\nHost:\r\n ${evil}${END}`],
	[
		"N16g",
		"the allowed Host, folded into the line before",
		({ good, evil }) => `GET / HTTP/1.1\r\nX: y\r\n Host: ${good}\r\nHost: ${evil}${END}`,
	],
	["N16h", "lower case method", ({ evil }) => `get / HTTP/1.1\r\nHost: ${evil}${END}`],
	["N16i", "CONNECT to another name", ({ good, evil }) => `CONNECT ${evil}:443 HTTP/1.1\r\nHost: ${good}${END}`],
	["N16j", "no Host (HTTP/1.0)", () => "GET / HTTP/1.0\r\n\r\n"],
	["N16k", "a blank line first", ({ evil }) => `\r\n\r\nGET / HTTP/1.1\r\nHost: ${evil}${END}`],
	["N16l", "lines that end in LF alone", ({ evil }) => `GET / HTTP/1.1\nHost: ${evil}\n\n`],
	["N16m", "blank before the colon", ({ good, evil }) => `GET / HTTP/1.1\r\nHost : ${evil}\r\nX-Host: ${good}${END}`],
	["N16n", "hOsT, tabs around the name", ({ evil }) => `GET / HTTP/1.1\r\nhOsT:\t${evil}\t${END}`],
	[
		"N16o",
		"the allowed name as user information",
		({ good, evil }) => `GET http://${good}@${evil}/ HTTP/1.1\r\nHost: ${good}${END}`,
	],
	[
		"N16p",
		"cut within the name",
		({ evil }) => [`GET / HTTP/1.1\r\nHost: ${evil.slice(0, 3)}`, `${evil.slice(3)}${END}`],
	],
	["N16q", "a segment a byte", ({ evil }) => [...`GET / HTTP/1.1\r\nHost: ${evil}${END}`]],
	[
		"N16r",
		"Host behind 8 kB of other fields",
		({ evil }) => [`GET / HTTP/1.1\r\n${`X: ${"y".repeat(32)}\r\n`.repeat(220)}`, `Host: ${evil}${END}`],
	],
	[
		"N16s",
		"HTTP/2 by prior knowledge (h2c)",
		({ evil }) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0${evil}`,
	],
	["N16t", "an address as Host", () => "GET / HTTP/1.1\r\nHost: 198.18.0.1\r\n\r\n"],
	["N16u", "a method that nobody knows", ({ evil }) => `SALLY / HTTP/1.1\r\nHost: ${evil}${END}`],
	["N16v", "NUL in the name", ({ good, evil }) => `GET / HTTP/1.1\r\nHost: ${good}\0.${evil}${END}`],
];

const PASS: readonly (readonly [id: string, title: string, say: Say])[] = [
	["N16a=", "the allowed Host", ({ good }) => `GET / HTTP/1.1\r\nHost: ${good}${END}`],
	[
		"N16b=",
		"the allowed Host with a port, in upper case",
		({ good }) => `GET / HTTP/1.1\r\nHost: ${good.toUpperCase()}:80${END}`,
	],
	["N16c=", "absolute URI of the allowed name", ({ good }) => `GET http://${good}/x HTTP/1.1\r\nHost: ${good}${END}`],
	[
		"N16p=",
		"the allowed Host, cut within the name",
		({ good }) => [`GET / HTTP/1.1\r\nHost: ${good.slice(0, 3)}`, `${good.slice(3)}${END}`],
	],
	["N16q=", "the allowed Host, a segment a byte", ({ good }) => [...`GET / HTTP/1.1\r\nHost: ${good}${END}`]],
];

function steps(address: string, said: string | readonly string[]): string[] {
	const pieces = typeof said === "string" ? [said] : said;
	const sends =
		pieces.length > 8 ? [`?each=${hex(pieces.join(""))}`] : pieces.flatMap((each) => [`?send=${hex(each)}`, "wait=20"]);
	return [`connect=${address},${PORTS.http}`, ...sends, "?read=400"];
}

const size = (said: string | readonly string[]) => (typeof said === "string" ? said : said.join("")).length;

export const NAMES_HTTP: readonly Row[] = [
	...STOP.map(([id, title, say]) =>
		httpRow(id, title, {
			kind: "stop",
			say,
			run: async (fixture, good, said) => {
				const outcome = await fixture.script("tcp4", steps(good.v4, said));
				const { bytes, recorded } = await measure(fixture, "stop", [{ address: good.v4 }]);
				/* The pieces before the decisive one may have been sent, possibly twice. */
				const incomplete = typeof said !== "string" && (await fixture.stage.bytesAt({ at: good.v4 })) < size(said);
				return { ...attemptAt([], outcome), measured: { bytes: incomplete ? 0 : bytes, recorded } };
			},
		}),
	),
	{
		id: "N16w",
		title: "HTTP: a second request on the connection, another Host",
		kind: "stop",
		policy: byHost,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			const request = (name: string) => `GET / HTTP/1.1\r\nHost: ${name}${END}`;
			const sends = [request(good.name), request(evil.name)].flatMap((each) => [`?send=${hex(each)}`, "wait=50"]);
			const outcome = await fixture.script("tcp4", [`connect=${good.v4},${PORTS.echo}`, ...sends]);
			const { bytes, recorded } = await measure(fixture, "stop", [{ address: good.v4 }]);
			return {
				...attemptAt([], outcome),
				measured: { bytes: Math.max(0, bytes - request(good.name).length), recorded },
			};
		},
	},
	...PASS.map(([id, title, say]) =>
		httpRow(id, title, {
			kind: "pass",
			say,
			run: async (fixture, good, said) => {
				const outcome = await fixture.script("tcp4", steps(good.v4, said));
				const arrived = await fixture.stage.bytesAt({ at: good.v4 });
				return { ...attemptAt([{ address: good.v4 }], outcome), ok: arrived === size(said) && outcome.read !== "" };
			},
		}),
	),
];
