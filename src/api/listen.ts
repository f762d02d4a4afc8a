import { X509Certificate } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SallyportError } from "../base/errors.ts";
import { isLoopback, type ListenAddress, parseListen, readTls, type TlsFiles } from "../system/listen-address.ts";
import { type Access, isLocalHost } from "./access.ts";
import { readTokens } from "./tokens.ts";

/** 0660, for root and the group; without a group 0600. Whoever holds the daemon's lock may replace the socket of a dead one. */
export async function listenOnSocket(app: FastifyInstance, path: string, gid: number | null): Promise<void> {
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	/* From the first moment: a socket with wider rights, even for a moment, is open to whoever is quick. */
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

export async function listenOnTcp(app: FastifyInstance, { host, port }: ListenAddress): Promise<void> {
	try {
		await app.listen({ host, port });
	} catch (error) {
		throw failed(`${host} port ${port}`, "--listen", error);
	}
}

export interface TcpConfig {
	/** HOST:PORT */
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
 * On loopback whoever is on the host may read, and with a token write. On any other address there is no reading without TLS and a
 * token either. Throws before anything is opened.
 */
export function tcpListener({ listen, tokenFile, tlsCert, tlsKey }: TcpConfig): Listener {
	const { host, port } = parseListen(listen, "--listen", 9440);
	const tls = readTls(tlsCert, tlsKey, "--tls");
	if (!isLoopback(host) && (tls === null || tokenFile === null)) {
		throw new SallyportError(
			"NOT_LOOPBACK",
			`--listen ${listen} would show what this host talks to to the network.`,
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
