import type { FastifyInstance } from "fastify";
import { SOCKET_ACCESS } from "../api/access.ts";
import { type AppOptions, buildApp } from "../api/app.ts";
import { type Listener, listenOnTcp, tcpListener } from "../api/listen.ts";
import type { ApiServices } from "../api/services.ts";
import type { Sharing } from "../api/sharing.ts";
import { SocketFile } from "../api/socket-file.ts";
import { type Config, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { groupId } from "../identity/users.ts";

/** The TCP listener of the API, checked but not open; null: none. Throws SallyportError: USAGE, NOT_LOOPBACK. */
export function tcpListenerOf({ listen, tokenFile, tlsCert, tlsKey }: Config): Listener | null {
	return listen === null ? null : tcpListener({ listen, tokenFile, tlsCert, tlsKey });
}

/** The unix socket of the API, not open yet; null: none is configured. */
export function socketFileOf({ socket, group }: Config, log: Logger): SocketFile | null {
	return socket === null ? null : new SocketFile({ path: socket, gid: groupId(group), log });
}

export interface ApiListenersOptions {
	/** Null: none. */
	readonly socket: SocketFile | null;
	readonly services: ApiServices;
	readonly log: Logger;
	readonly version: string;
	readonly listener: Listener | null;
	readonly sharing: Sharing;
	readonly scope: AsyncDisposableStack;
}

/** Serves the API on its unix socket and on TCP, where configured. Rejects with SallyportError LISTEN_FAILED. */
export async function listenForApi({ socket, scope, listener, ...options }: ApiListenersOptions): Promise<void> {
	const open = async (how: Pick<AppOptions, "access" | "tls">): Promise<FastifyInstance> => {
		const app = await buildApp({ ...options, ...how });
		scope.defer(() => app.close());
		return app;
	};
	if (socket !== null) {
		const app = await open({ access: SOCKET_ACCESS });
		scope.defer(() => socket.close());
		await socket.open(app);
		const timer = setInterval(() => void socket.look(), TIMES.socket);
		scope.defer(() => clearInterval(timer));
	}
	if (listener !== null) {
		const { access, tls } = listener;
		await listenOnTcp(await open(tls === null ? { access } : { access, tls }), listener);
	}
}
