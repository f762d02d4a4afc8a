import { X509Certificate } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SallyportError } from "../base/errors.ts";
import { isLoopback, type ListenAddress, parseListen, readTls, type TlsFiles } from "../system/listen-address.ts";
import { type Access, isLocalHost } from "./access.ts";
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
export async function listenOnTcp(app: FastifyInstance, { host, port }: ListenAddress): Promise<void> {
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

export interface Listener extends ListenAddress {
	readonly access: Access;
	readonly tls: TlsFiles | null;
}

/**
 * Reads and checks the settings of the TCP listener; opens nothing. On loopback, reading is open and writing needs a token. Other
 * addresses need TLS, and a token for reading too. Throws SallyportError USAGE or NOT_LOOPBACK.
 */
export function tcpListener({ listen, tokenFile, tlsCert, tlsKey }: TcpConfig): Listener {
	const { host, port } = parseListen(listen, "--listen", 9440);
	const tls = readTls(tlsCert, tlsKey, "--tls");
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

function failed(where: string, flag: string, error: unknown): SallyportError {
	return new SallyportError(
		"LISTEN_FAILED",
		`The API cannot listen on ${where}: ${(error as Error).message}.`,
		`Choose another with ${flag}.`,
		error,
	);
}
