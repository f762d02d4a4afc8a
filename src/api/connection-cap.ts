import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * No more than `most` connections. When one more comes, the one that has been idle longest makes room, so that whoever opens
 * thousands and says nothing keeps nobody else out; if all of them are being answered, the newcomer is hung up on.
 */
export function capConnections(server: Server, most: number): void {
	const open = new Map<Socket, string>();
	/* Oldest first. */
	const idle = new Set<Socket>();
	/* With TLS a request knows the inner socket only; both have one remote port. */
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
}

/** "" for a unix socket. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
	return remotePort === undefined ? "" : `${remoteAddress} ${remotePort}`;
}
