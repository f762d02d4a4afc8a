/**
 * Servers that speak as much Redis, PostgreSQL and MySQL over TLS as their command-line clients need for one command:
 * database-stubs.ts KEY CERT. Prints a line once they listen.
 */
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";

const [keyFile = "", certFile = ""] = process.argv.slice(2);
const pair = { key: readFileSync(keyFile), cert: readFileSync(certFile) };

function secured(raw: Socket): TLSSocket {
	const socket = new TLSSocket(raw, { isServer: true, ...pair });
	socket.on("error", () => {});
	return socket;
}

const redis = createTlsServer(pair, (socket) => {
	socket.on("error", () => {}).on("data", () => socket.write("+PONG\r\n"));
});

/* PostgreSQL 15, 55.7: SSLRequest, StartupMessage, and simple queries without rows. */
const postgres = createServer((raw) => {
	raw
		.on("error", () => {})
		.once("data", () => {
			raw.write("S");
			const socket = secured(raw);
			const ready = Buffer.from("5a0000000549", "hex");
			let isStarted = false;
			socket.on("data", (data) => {
				if (!isStarted) socket.write(Buffer.concat([Buffer.from("520000000800000000", "hex"), ready]));
				else if (data[0] === 0x51) socket.write(Buffer.concat([Buffer.from("4300000007444f00", "hex"), ready]));
				isStarted = true;
			});
		});
});

/* MySQL, "Protocol::HandshakeV10": a greeting, SSLRequest, a login that any password passes, and commands without rows. */
const mysql = createServer((raw) => {
	raw.on("error", () => {});
	const packet = (number: number, body: Buffer) => Buffer.concat([Buffer.from([body.length, 0, 0, number]), body]);
	const ok = Buffer.from("00000002000000", "hex");
	/* Capabilities: PROTOCOL_41, SSL, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_WITH_DB, TRANSACTIONS. */
	const greeting = [
		Buffer.from("\x0a8.0.0-stub\0", "latin1"),
		Buffer.from("01000000", "hex"),
		Buffer.from("12345678\0", "latin1"),
		Buffer.from("08aa210200080015", "hex"),
		Buffer.alloc(10),
		Buffer.from("901234567890\0mysql_native_password\0", "latin1"),
	];
	raw.write(packet(0, Buffer.concat(greeting)));
	raw.once("data", () => {
		const socket = secured(raw);
		let isLoggedIn = false;
		socket.on("data", (data) => {
			socket.write(packet(isLoggedIn ? 1 : (data[3] ?? 0) + 1, ok));
			isLoggedIn = true;
		});
	});
});

let waiting = 3;
const listening = () => {
	if (--waiting === 0) process.stdout.write("listening\n");
};
redis.listen(6379, "::", listening);
postgres.listen(5432, "::", listening);
mysql.listen(3306, "::", listening);
