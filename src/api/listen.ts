import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SallyportError } from "../base/errors.ts";
import { type Access, isLocalHost } from "./access.ts";
import type { Tls } from "./server.ts";
import { readTokens } from "./tokens.ts";

/**
 * Listens on a unix socket with mode 0660 for root and the group, or 0600 if `gid` is null. Replaces an existing file: the daemon's
 * lock ensures that no other daemon uses it. Rejects with SallyportError LISTEN_FAILED.
 */
export async function listenOnSocket(app: FastifyInstance, path: string, gid: number | null): Promise<void> {
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	/* The socket is created with its final mode or less: a chmod afterwards would leave a moment for other users to connect. */
	const umask = process.umask(0o177);
	try {
		rmSync(path, { force: true });
		await app.listen({ path });
		if (gid !== null) {
			chownSync(path, -1, gid);
			chmodSync(path, 0o660);
		}
	} catch (error) {
		throw failed(path, "--socket", error);
	} finally {
		process.umask(umask);
	}
}

/** Rejects with SallyportError LISTEN_FAILED. */
export async function listenOnTcp(
	app: FastifyInstance,
	{ host, port }: Pick<Listener, "host" | "port">,
): Promise<void> {
	try {
		await app.listen({ host, port });
	} catch (error) {
		throw failed(`${host} port ${port}`, "--listen", error);
	}
}

export interface TcpConfig {
	/** ADDRESS:PORT */
	readonly listen: string;
	readonly tokenFile: string | null;
	readonly tlsCert: string | null;
	readonly tlsKey: string | null;
}

export interface Listener {
	readonly host: string;
	readonly port: number;
	readonly access: Access;
	readonly tls: Tls | null;
}

/**
 * Reads and checks the settings of the TCP listener; opens nothing. On loopback, reading is open and writing needs a token. Other
 * addresses need TLS, and a token for reading too. Throws SallyportError USAGE or NOT_LOOPBACK.
 */
export function tcpListener({ listen, tokenFile, tlsCert, tlsKey }: TcpConfig): Listener {
	const { host, port } = parseListen(listen);
	const tls = readTls(tlsCert, tlsKey);
	if (!isLoopback(host) && (tls === null || tokenFile === null)) {
		throw new SallyportError(
			"NOT_LOOPBACK",
			`--listen ${listen} would expose the connections of this host to the network.`,
			"Listen on 127.0.0.1 or [::1], or give --tls-cert, --tls-key and --token-file.",
		);
	}
	const tokens = tokenFile === null ? null : readTokens(tokenFile);
	const reading = isLoopback(host) ? "open" : "token";
	const certificate = tls === null ? null : new X509Certificate(tls.cert);
	const hostAllowed = (name: string) => isLocalHost(name) || certificate?.checkHost(name) !== undefined;
	return { host, port, tls, access: { hostAllowed, reading, writing: "token", tokens } };
}

/** Parses ADDRESS:PORT; `localhost` is 127.0.0.1. Throws SallyportError USAGE. */
export function parseListen(address: string): { host: string; port: number } {
	const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
	const host = match?.[1] ?? match?.[2];
	const port = Number(match?.[3]);
	const ip = host === "localhost" ? "127.0.0.1" : host;
	if (ip === undefined || isIP(ip) === 0 || port > 65_535) {
		throw new SallyportError(
			"USAGE",
			`--listen "${address}" is not ADDRESS:PORT.`,
			"For example 127.0.0.1:9440 or [::1]:9440.",
		);
	}
	return { host: ip, port };
}

export function isLoopback(ip: string): boolean {
	return (isIP(ip) === 4 && ip.startsWith("127.")) || ip === "::1";
}

function readTls(certFile: string | null, keyFile: string | null): Tls | null {
	if (certFile === null && keyFile === null) return null;
	if (certFile === null || keyFile === null) {
		throw new SallyportError("USAGE", "TLS needs both --tls-cert and --tls-key.");
	}
	try {
		const cert = readFileSync(certFile);
		const key = readFileSync(keyFile);
		if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
			throw new Error("the key does not belong to the certificate");
		return { cert, key };
	} catch (error) {
		const message = `The certificate ${certFile} with the key ${keyFile} cannot be used: ${(error as Error).message}.`;
		throw new SallyportError("USAGE", message, "Both must be PEM files.", error);
	}
}

function failed(where: string, flag: string, error: unknown): SallyportError {
	return new SallyportError(
		"LISTEN_FAILED",
		`The API cannot listen on ${where}: ${(error as Error).message}.`,
		`Choose another with ${flag}.`,
		error,
	);
}
