import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SallyportError } from "../errors.ts";

/** 0660, for root and the group; without a group 0600. Whoever holds the daemon's lock may replace the socket of a dead one. */
export async function listenOnSocket(app: FastifyInstance, path: string, gid: number | null): Promise<void> {
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	/* From the first moment: a socket with wider rights, even for a moment, is open to whoever is quick. */
	const umask = process.umask(0o177);
	try {
		rmSync(path, { force: true });
		await app.listen({ path });
		if (gid !== null) {
			chownSync(path, 0, gid);
			chmodSync(path, 0o660);
		}
	} catch (error) {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The API cannot listen on ${path}: ${(error as Error).message}.`,
			"Choose another path with --socket.",
			error,
		);
	} finally {
		process.umask(umask);
	}
}

/** `host:port`, loopback only. */
export async function listenOnTcp(app: FastifyInstance, address: string): Promise<void> {
	const { host, port } = loopback(address);
	try {
		await app.listen({ host, port });
	} catch (error) {
		throw new SallyportError(
			"LISTEN_FAILED",
			`The API cannot listen on ${address}: ${(error as Error).message}.`,
			"Choose another port with --listen.",
			error,
		);
	}
}

export function loopback(address: string): { host: string; port: number } {
	const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
	const host = match?.[1] ?? match?.[2];
	const port = Number(match?.[3]);
	if (host === undefined || port > 65_535) {
		throw new SallyportError(
			"USAGE",
			`--listen "${address}" is not HOST:PORT.`,
			"For example 127.0.0.1:9440 or [::1]:9440.",
		);
	}
	const ip = host === "localhost" ? "127.0.0.1" : host;
	if (!(isIP(ip) === 4 && ip.startsWith("127.")) && ip !== "::1") {
		throw new SallyportError(
			"NOT_LOOPBACK",
			`--listen ${address} would show what this host talks to to the network.`,
			"Listen on 127.0.0.1 or [::1], and put a proxy that checks who asks in front.",
		);
	}
	return { host: ip, port };
}
