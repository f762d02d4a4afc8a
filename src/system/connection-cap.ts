import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Callers } from "./peer.ts";

/**
 * Limits the open connections of a server to `most`. A further connection closes one of the caller that has the most: the one
 * that has been idle longest, else the oldest. So neither idle connections nor slow requests of one caller lock out others.
 * Returns the function that closes all connections, also those in a TLS handshake, which Server.closeAllConnections() leaves open.
 */
export function capConnections(server: Server, most: number, callers: Callers): () => void {
	/* In the order in which they were opened. */
	const open = new Map<Socket, string>();
	/* In the order in which they became idle. */
	const idle = new Set<Socket>();
	/* The socket of a TLS request is not the one of the connection, but both have the same remote port. */
	const byPeer = new Map<string, Socket>();
	const forget = (socket: Socket) => {
		const peer = open.get(socket);
		open.delete(socket);
		idle.delete(socket);
		if (peer !== undefined && byPeer.get(peer) === socket) byPeer.delete(peer);
	};

	server.on("connection", (socket: Socket) => {
		if (open.size >= most) {
			const last = lastOf(open.keys(), idle, callers);
			if (last === undefined) {
				socket.destroy();
				return;
			}
			forget(last);
			last.destroy();
		}
		const peer = peerOf(socket);
		open.set(socket, peer);
		idle.add(socket);
		if (peer !== "") byPeer.set(peer, socket);
		socket.once("close", () => forget(socket));
	});
	server.on("request", (request: IncomingMessage, response: ServerResponse) => {
		const socket = byPeer.get(peerOf(request.socket)) ?? request.socket;
		idle.delete(socket);
		response.once("close", () => {
			if (open.has(socket)) idle.add(socket);
		});
	});
	return () => {
		for (const socket of open.keys()) socket.destroy();
	};
}

/** The connection that a further one replaces. One of root on the unix socket only if there are no others. */
function lastOf(open: Iterable<Socket>, idle: ReadonlySet<Socket>, callers: Callers): Socket | undefined {
	const groups = new Map<string, Socket[]>();
	for (const socket of open) {
		const { id, isFirst } = callers.roughly(socket);
		const key = isFirst ? FIRST : id;
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [socket]);
		else group.push(socket);
	}
	const others = groups.size > 1 ? [...groups].filter(([key]) => key !== FIRST) : [...groups];
	const [largest = []] = others.map(([, sockets]) => sockets).sort((a, b) => b.length - a.length);
	const own = new Set(largest);
	for (const socket of idle) if (own.has(socket)) return socket;
	/* Of one caller alone, no request is broken off for another of its own. */
	return groups.size > 1 ? largest[0] : undefined;
}

const FIRST = "first";

/** Address and port of the peer; "" for a unix socket. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
	return remotePort === undefined ? "" : `${remoteAddress} ${remotePort}`;
}
