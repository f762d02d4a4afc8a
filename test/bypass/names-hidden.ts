/** X15 to X17: a ClientHello within something else, and what cannot be read. */

import { NODE_COMMAND } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { PORTS } from "../support/stage.ts";
import { clientHello, padding, records, serverName } from "../support/tls-hello.ts";
import type { Fixture } from "./fixture.ts";
import { common, hello } from "./hellos.ts";
import { byHello, byName } from "./policies.ts";
import type { Row } from "./row.ts";
import { answered, attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";
import { seenThere } from "./tls-desync.ts";

const hex = (bytes: string | Uint8Array) => Buffer.from(bytes as string, "latin1").toString("hex");
const STARTTLS = 2525;
const ANY = "any user";

/** A hello with a record version. Servers ignore the minor one of the first record. */
function withMinor(bytes: Buffer, minor: number): Buffer {
	bytes[2] = minor;
	return bytes;
}

const hidden: Row[] = [
	seenThere(
		"X15a",
		"another name after an allowed hello that was the argument of a command",
		ANY,
		(t) => [
			`send=${hex("NOOP ")}${hex(hello(t.good.name))}${hex("\r\nSTARTTLS\r\n")}`,
			"wait=100",
			`send=${hex(hello(t.evil.name))}`,
		],
		{ head: 512 },
	),
	seenThere(
		"X15b",
		"another name within an extension of an allowed hello",
		ANY,
		(t) => {
			const inner = Buffer.concat([Buffer.from("\r\nSTARTTLS\r\n"), hello(t.evil.name)]);
			const outer = records(clientHello([{ ...padding(0), data: inner }, serverName(t.good.name), ...common()]));
			return [`send=${hex(outer)}`];
		},
		{ head: 512 },
	),
	seenThere("X15c", "another name in the body of an HTTP request that the server does not understand", ANY, (t) => [
		`send=${hex(`X / HTTP/1.1\r\nHost: ${t.good.name}\r\nContent-Length: 900000000\r\n\r\nSTARTTLS\r\n`)}`,
		"wait=100",
		`send=${hex(hello(t.evil.name))}`,
	]),
	...[5, 255].map((minor, at) =>
		seenThere(`X15${"de"[at]}`, `another name after cleartext, in a record of version 3.${minor}`, ANY, (t) => [
			`send=${hex("EHLO x\r\nSTARTTLS\r\n")}`,
			"wait=100",
			`send=${hex(withMinor(hello(t.evil.name), minor))}`,
		]),
	),
	seenThere("X15f", "another name right after the beginning of a record that is none", ANY, (t) => [
		`send=${hex("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03")}`,
		"wait=50",
		`send=${hex(hello(t.evil.name))}`,
	]),
	seenThere(
		"X11d",
		"sendfile(): cleartext that becomes a hello before it is sent again",
		ANY,
		(t) => [`sendfile=${hex(".".repeat(hello(t.evil.name).length))},${hex(hello(t.evil.name))}`],
		{ lossy: true },
	),
];

/** Talks to a server of lines, whose STARTTLS is Node's TLS, and says which name it was asked for. */
function atRealServer(id: string, title: string, kind: Row["kind"], first: (t: Target) => Buffer, times = 1): Row {
	return {
		id,
		title,
		kind,
		who: ANY,
		policy: ({ good }) => policy({ rules: [{ name: "good", to: { domain: good.name } }] }),
		run: async (fixture, t) => {
			await fixture.stage.world.server.listen("starttls", STARTTLS).catch(() => {});
			await fixture.ask(t.good.name);
			const name = kind === "stop" ? t.evil.name : t.good.name;
			const argv = [
				...NODE_COMMAND,
				"--input-type=module",
				"-e",
				CLIENT,
				t.good.v4,
				`${STARTTLS}`,
				name,
				hex(first(t)),
				`${times}`,
			];
			const { stdout } = await fixture.stage.world.run(argv, { timeout: 20_000 });
			const reached = (await fixture.stage.arrivals({ at: t.good.v4 })).some((each) => each.servername === name);
			const recorded = (await fixture.stage.records({ address: t.good.v4, port: STARTTLS }))[0];
			const clientSaw = `${stdout.trim()}, ${recorded?.verdict} ${recorded?.phase}: ${recorded?.rule ?? recorded?.reason}`;
			if (kind === "pass")
				return {
					at: [],
					clientSaw,
					ok: reached && stdout.includes("secure"),
					measured: { bytes: 0, recorded: clientSaw },
				};
			return { at: [], clientSaw, measured: { bytes: reached ? 1 : 0, recorded: clientSaw } };
		},
	};
}

/** Sends bytes in cleartext, says STARTTLS, and sends 200 kB by TLS. */
const CLIENT = `
import { connect } from "node:net";
import tls from "node:tls";
const [address, port, name, first, times] = process.argv.slice(1);
const before = Buffer.concat(Array(Number(times)).fill(Buffer.from(first, "hex")));
const socket = connect(Number(port), address);
let said = 0;
socket.on("error", (error) => (console.log(error.code), process.exit()));
setTimeout(() => (console.log("timeout"), process.exit()), 4000);
socket.on("data", function read(data) {
	if (!said++) return void socket.write(Buffer.concat([before, Buffer.from("\\r\\nSTARTTLS\\r\\n")]));
	if (!data.toString("latin1").includes("go ahead")) return;
	socket.off("data", read);
	const secure = tls.connect({ socket, servername: name, rejectUnauthorized: false }, () => {
		console.log("secure");
		secure.write(Buffer.alloc(200_000), () => setTimeout(() => process.exit(), 200));
	});
	secure.on("error", (error) => (console.log(error.code), process.exit()));
});
`;

const real: Row[] = [
	atRealServer("X15g", "STARTTLS at a real server, the allowed name", "pass", () => Buffer.from("EHLO x")),
	atRealServer("X15h", "the same with another name behind a decoy", "stop", (t) =>
		Buffer.concat([Buffer.from("NOOP "), hello(t.good.name)]),
	),
	atRealServer("X15i", "the same with another name in what looks like an HTTP body", "stop", (t) =>
		Buffer.from(`X / HTTP/1.1\r\nHost: ${t.good.name}\r\nContent-Length: 900000000\r\n`),
	),
	atRealServer("X15j", "the same with another name behind 100 kB", "stop", () => Buffer.from("NOOP\r\n"), 17_000),
];

const short: Row[] = ["ruok", "hi", "\xff\xfb\x01"].map((text, at) => ({
	id: `X16${"abc"[at]}`,
	title: `${text.length} bytes of cleartext, which the server answers with other than TLS`,
	kind: "pass",
	policy: byHello,
	run: async (fixture: Fixture, { evil }: Target) => {
		const steps = [`connect=${evil.v4},${PORTS.echo}`, `send=${hex(text)}`, "read=300"];
		const outcome = answered([{ address: evil.v4 }], await fixture.script("tcp4", steps));
		const denied = fixture.blocking ? await fixture.stage.records({ address: evil.v4, verdict: "deny" }) : [];
		return { ...outcome, ok: outcome.ok === true && denied.length === 0 };
	},
}));

const routes: Row[] = [
	{
		id: "X4m",
		title: "a source route that is set after the hello",
		kind: "stop",
		who: "root",
		policy: byName,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name);
			const steps = [`connect=${good.v4},${PORTS.sink}`, `send=${hex(hello(good.name))}`, "wait=100"];
			const outcome = await fixture.script("tcp4", [
				...steps,
				`lsrr=${evil.v4}`,
				"tos=8",
				`send=${hex("to another")}`,
				"wait=200",
			]);
			return attemptAt([{ address: evil.v4 }], outcome);
		},
	},
	{
		id: "X4n",
		title: "a segment routing header that is set after the hello",
		kind: "stop",
		who: ANY,
		policy: byName,
		run: async (fixture, { good, evil }) => {
			await fixture.ask(good.name, { type: "AAAA" });
			const steps = [`connect=${good.v6},${PORTS.sink}`, `send=${hex(hello(good.name))}`, "wait=100"];
			const outcome = await fixture.script("tcp6", [
				...steps,
				`rthdr=${evil.v6}`,
				`send=${hex("to another")}`,
				"wait=200",
			]);
			return attemptAt([{ address: evil.v6 }], outcome);
		},
	},
];

const uploads: Row[] = [
	{
		id: "X17",
		title: "a body by sendfile() to a server that has answered with HTTP",
		kind: "pass",
		policy: ({ good }) => policy({ rules: [{ name: "good", to: { domain: good.name } }] }),
		run: async (fixture, { good }) => {
			await fixture.ask(good.name);
			const head = (more: string) => hex(`POST / HTTP/1.1\r\nHost: ${good.name}\r\n${more}\r\n`);
			const steps = [`connect=${good.v4},${PORTS.http}`, `send=${head("Content-Length: 0\r\n")}`, "read=300"];
			const upload = [`send=${head("Content-Length: 400\r\n")}`, `sendfile=${hex("x".repeat(400))}`, "wait=200"];
			const outcome = await fixture.script("tcp4", [...steps, ...upload]);
			const { bytes: arrived } = await fixture.wire.at({ address: good.v4 });
			return { ...attemptAt([{ address: good.v4 }], outcome), ok: outcome.errno === "0" && arrived > 400 };
		},
	},
];

export const NAMES_HIDDEN: readonly Row[] = [...hidden, ...real, ...short, ...routes, ...uploads];
