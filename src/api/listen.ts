import type { FastifyInstance } from "fastify";
import { SallyportError } from "../base/errors.ts";
import { isOwnName } from "../system/host-check.ts";
import { isLoopback, type ListenAddress, parseListen, readTls, type TlsFiles } from "../system/listen-address.ts";
import type { Access } from "./access.ts";
import { readTokens } from "./tokens.ts";

/** Rejects with SallyportError LISTEN_FAILED. */
export async function listenOnTcp(app: FastifyInstance, { host, port }: ListenAddress): Promise<void> {
	try {
		await app.listen({ host, port });
	} catch (error) {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The API cannot listen on ${host} port ${port}: ${(error as Error).message}.`,
			"Choose another with --listen.",
			error,
		);
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
	const hostAllowed = (name: string) => isOwnName(name, tls);
	return { host, port, tls, access: { hostAllowed, reading, writing: "token", tokens } };
}
