import { readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MetricsConfig } from "../base/metrics-config.ts";
import { type Credentials, Gate, isOpen, readCredentials } from "./auth.ts";
import { CONTENT_TYPE } from "./exposition.ts";

export interface MetricsListener {
	/** HOST:PORT as bound. */
	readonly address: string;
	/** Reads token, users and certificate again; what cannot be read leaves the ones before. */
	readonly reload: () => void;
	readonly close: () => Promise<void>;
}

/** Serves GET /metrics, and nothing else, to whoever has the token or a password. */
export async function listenForScrapes(
	config: MetricsConfig & { readonly listen: string },
	expose: () => AsyncIterable<string>,
	log: Logger,
): Promise<MetricsListener> {
	const { host, port } = hostAndPort(config.listen);
	const files = () => ({ credentials: readSecrets(config, log), tls: readCertificate(config) });
	let { credentials, tls } = attempt(files);
	let gate = new Gate(credentials);
	warn(host, credentials, tls !== null, log);

	const answer = scrapeHandler(() => gate, expose, log);
	const server: Server | TlsServer =
		tls === null ? createServer(LIMITS, answer) : createTlsServer({ ...LIMITS, ...tls }, answer);
	server.maxConnections = MOST_CONNECTIONS;
	const sockets = new Set<Socket>();
	server.on("connection", (socket: Socket) => {
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
	});
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	server.once("error", reject);
	server.listen({ host, port }, resolve);
	await promise.catch((error: Error) => {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The metrics cannot be served on ${config.listen}: ${error.message}.`,
			"Choose another address with --metrics-listen.",
			error,
		);
	});
	const bound = server.address();
	const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
	return {
		address: `${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
		reload() {
			try {
				({ credentials, tls } = files());
			} catch (error) {
				log.error("metrics: secrets cannot be read; the ones before stay", { error });
				return;
			}
			gate = new Gate(credentials);
			if (tls !== null && "setSecureContext" in server) server.setSecureContext(tls);
		},
		async close() {
			const closed = new Promise((done) => server.close(done));
			for (const socket of sockets) socket.destroy();
			await closed;
		},
	};
}

/**
 * Says at the start of the daemon what cannot be, before anything is loaded. As with the API, what leaves this host is encrypted and for
 * who has a secret, unless the administrator says otherwise.
 */
export function checkMetricsConfig({ listen, tlsCert, tlsKey, tokenFile, basicFile, insecure }: MetricsConfig): void {
	if ((tlsCert === null) !== (tlsKey === null))
		throw new SallyportError("USAGE", "--metrics-tls-cert and --metrics-tls-key belong together.");
	if (listen !== null) {
		const isClosed = tlsCert !== null && (tokenFile !== null || basicFile !== null);
		if (isLocal(hostAndPort(listen).host) || isClosed || insecure) return;
		throw new SallyportError(
			"NOT_LOOPBACK",
			`--metrics-listen ${listen} would show metrics, or the secret that opens them, to the network.`,
			"Give --metrics-tls-cert, --metrics-tls-key and --metrics-token-file or --metrics-basic-file; or --metrics-insecure.",
		);
	}
	if (tlsCert !== null || tokenFile !== null || basicFile !== null)
		throw new SallyportError(
			"USAGE",
			"Secrets for the metrics are given, but no --metrics-listen.",
			"For example --metrics-listen 127.0.0.1:9441.",
		);
}

const MOST_CONNECTIONS = 32;
const MOST_SCRAPES = 4;
const SCRAPE_MS = 30_000;
const LIMITS = {
	maxHeaderSize: 8_192,
	headersTimeout: 10_000,
	requestTimeout: 10_000,
	keepAliveTimeout: 75_000,
	connectionsCheckingInterval: 10_000,
} as const;

function scrapeHandler(gate: () => Gate, expose: () => AsyncIterable<string>, log: Logger) {
	let scrapes = 0;
	return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		request.resume();
		response.setHeader("cache-control", "no-store");
		response.setHeader("x-content-type-options", "nosniff");
		if (request.url?.split("?", 1)[0] !== "/metrics") return refuse(response, 404, "There is only /metrics here.");
		if (request.method !== "GET" && request.method !== "HEAD") {
			response.setHeader("allow", "GET, HEAD");
			return refuse(response, 405, "GET it.");
		}
		const answer = await gate().admits(request.headers.authorization);
		if (answer === "busy" || scrapes >= MOST_SCRAPES) {
			response.setHeader("retry-after", "1");
			return refuse(response, 503, "Too many at once.");
		}
		if (answer === "no") {
			response.setHeader("www-authenticate", 'Basic realm="sallyport", Bearer realm="sallyport"');
			return refuse(response, 401, "A token or a password is needed.");
		}
		response.setHeader("content-type", CONTENT_TYPE);
		if (request.method === "HEAD") return void response.end();
		scrapes++;
		/* A reader that does not read holds a scrape's worth of nothing: the parts are made as they are taken. */
		const timeout = AbortSignal.timeout(SCRAPE_MS);
		try {
			await pipeline(Readable.from(expose()), response, { signal: timeout });
		} catch (error) {
			if (timeout.aborted) log.warn("metrics: a scrape was not read within 30 s");
			else if (!response.destroyed) log.error("metrics: a scrape failed", { error });
			response.destroy();
		} finally {
			scrapes--;
		}
	};
}

function refuse(response: ServerResponse, status: number, text: string): void {
	response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

function hostAndPort(text: string): { host: string; port: number } {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/.exec(text);
	const host = match?.[1] ?? (match?.[2] === "localhost" ? "127.0.0.1" : match?.[2]);
	const port = Number(match?.[3]);
	if (host === undefined || isIP(host) === 0 || port > 65_535)
		throw new SallyportError(
			"USAGE",
			`--metrics-listen "${text}" is not ADDRESS:PORT.`,
			"For example 127.0.0.1:9441 or [::]:9441.",
		);
	return { host, port };
}

function isLocal(host: string): boolean {
	return host === "::1" || host.startsWith("127.");
}

function readSecrets({ tokenFile, basicFile }: MetricsConfig, log: Logger): Credentials {
	const read = (file: string): string => {
		if ((statSync(file).mode & 0o007) !== 0) log.warn("metrics: everyone on this host can read a secret", { file });
		return readFileSync(file, "utf8");
	};
	try {
		return readCredentials(tokenFile === null ? null : read(tokenFile), basicFile === null ? null : read(basicFile));
	} catch (error) {
		throw new Error(
			`${[tokenFile, basicFile].filter((file) => file !== null).join(", ")}: ${(error as Error).message}`,
		);
	}
}

function readCertificate({
	tlsCert,
	tlsKey,
}: MetricsConfig): { cert: Buffer; key: Buffer; minVersion: "TLSv1.2" } | null {
	if (tlsCert === null || tlsKey === null) return null;
	return { cert: readFileSync(tlsCert), key: readFileSync(tlsKey), minVersion: "TLSv1.2" };
}

function attempt<T>(read: () => T): T {
	try {
		return read();
	} catch (error) {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The metrics cannot be served: ${(error as Error).message}.`,
			null,
			error,
		);
	}
}

function warn(host: string, credentials: Credentials, tls: boolean, log: Logger): void {
	if (isLocal(host)) return;
	if (isOpen(credentials))
		log.warn("metrics: whoever reaches this address can read them; give --metrics-token-file or --metrics-basic-file", {
			host,
		});
	else if (!tls)
		log.warn("metrics: token or password cross the network in clear; give --metrics-tls-cert and --metrics-tls-key", {
			host,
		});
}
