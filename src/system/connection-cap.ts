import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Limits the open connections of a server to `most`. A further connection closes the one that has been idle longest, so that a
 * client with thousands of idle connections does not lock out others; if none is idle, the new connection is closed.
 * Returns the function that closes all connections, also those in a TLS handshake, which Server.closeAllConnections() leaves open.
 */
export function capConnections(server: Server, most: number): () => void {
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
			const oldest = idle.values().next().value;
			if (oldest === undefined) {
				socket.destroy();
				return;
			}
			forget(oldest);
			oldest.destroy();
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

/** Address and port of the peer; "" for a unix socket. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
	return remotePort === undefined ? "" : `${remoteAddress} ${remotePort}`;
}
