import { rmSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { SOCKET_ACCESS } from "../api/access.ts";
import { type AppOptions, buildApp } from "../api/app.ts";
import { type Listener, listenOnSocket, listenOnTcp, tcpListener } from "../api/listen.ts";
import type { ApiServices } from "../api/services.ts";
import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { groupId } from "../identity/users.ts";

/** What the API will listen on besides its socket; throws before anything is opened. */
export function tcpListenerOf({ listen, tokenFile, tlsCert, tlsKey }: Config): Listener | null {
	return listen === null ? null : tcpListener({ listen, tokenFile, tlsCert, tlsKey });
}

export interface ServeOptions {
	readonly config: Config;
	readonly services: ApiServices;
	readonly log: Logger;
	readonly version: string;
	readonly listener: Listener | null;
	/** What to do when it ends. */
	readonly defer: (step: () => void | Promise<void>) => void;
}

export async function serve({ config, services, log, version, listener, defer }: ServeOptions): Promise<void> {
	const open = async (how: Pick<AppOptions, "access" | "tls">): Promise<FastifyInstance> => {
		const app = await buildApp({ services, log, version, ...how });
		defer(() => app.close());
		return app;
	};
	if (config.socket !== null) {
		const path = config.socket;
		defer(() => rmSync(path, { force: true }));
		await listenOnSocket(await open({ access: SOCKET_ACCESS }), path, groupId(config.group));
	}
	if (listener !== null) {
		const { access, tls } = listener;
		await listenOnTcp(await open(tls === null ? { access } : { access, tls }), listener);
	}
}
