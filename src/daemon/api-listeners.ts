import { rmSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { SOCKET_ACCESS } from "../api/access.ts";
import { type AppOptions, buildApp } from "../api/app.ts";
import { type Listener, listenOnSocket, listenOnTcp, tcpListener } from "../api/listen.ts";
import type { ApiServices } from "../api/services.ts";
import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { groupId } from "../identity/users.ts";

/** The TCP listener of the API, checked but not open; null: none. Throws SallyportError: USAGE, NOT_LOOPBACK. */
export function tcpListenerOf({ listen, tokenFile, tlsCert, tlsKey }: Config): Listener | null {
	return listen === null ? null : tcpListener({ listen, tokenFile, tlsCert, tlsKey });
}

export interface ApiListenersOptions {
	readonly config: Pick<Config, "socket" | "group">;
	readonly services: ApiServices;
	readonly log: Logger;
	readonly version: string;
	readonly listener: Listener | null;
	readonly scope: AsyncDisposableStack;
}

/** Serves the API on its unix socket and on TCP, where configured. Rejects with SallyportError LISTEN_FAILED. */
export async function listenForApi({ config, scope, listener, ...options }: ApiListenersOptions): Promise<void> {
	const open = async (how: Pick<AppOptions, "access" | "tls">): Promise<FastifyInstance> => {
		const app = await buildApp({ ...options, ...how });
		scope.defer(() => app.close());
		return app;
	};
	if (config.socket !== null) {
		const path = config.socket;
		scope.defer(() => rmSync(path, { force: true }));
		await listenOnSocket(await open({ access: SOCKET_ACCESS }), path, groupId(config.group));
	}
	if (listener !== null) {
		const { access, tls } = listener;
		await listenOnTcp(await open(tls === null ? { access } : { access, tls }), listener);
	}
}
