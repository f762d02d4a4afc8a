/**
 * A Node TLS client: tls-client.ts HOST PORT CA [ADDRESS]. HOST is the SNI. With ADDRESS there is no DNS query. Prints one line
 * of JSON.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:tls";

/** As in ../run.ts. */
const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);
const [host = "", port = "", ca = "", address] = process.argv.slice(2);
const started = performance.now();
let connected = 0;

function finish(outcome: Record<string, unknown>): void {
	const now = performance.now();
	process.stdout.write(
		`${JSON.stringify({ ...outcome, ms: now - started, msAfterConnect: connected === 0 ? null : now - connected })}\n`,
	);
	process.exit(outcome.ok === true ? 0 : 1);
}

const socket = connect({ host: address ?? host, port: Number(port), servername: host, ca: readFileSync(ca) });
let body = "";
socket.setTimeout(5_000 * SLOW, () => finish({ ok: false, error: "TIMEOUT" }));
socket.once("connect", () => {
	connected = performance.now();
});
socket.once("secureConnect", () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
socket.on("data", (data) => {
	body += data;
});
socket.once("end", () => finish({ ok: body.startsWith("HTTP/1.1 200") }));
socket.once("error", (error: NodeJS.ErrnoException) => finish({ ok: false, error: error.code ?? error.message }));
