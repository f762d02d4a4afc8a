import { type FastifyInstance, fastify } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import { capConnections } from "./connection-cap.ts";
import type { TlsFiles } from "./listen-address.ts";

export interface HttpServerOptions {
	readonly tls: TlsFiles | null;
	/** Most open connections. */
	readonly connections: number;
	/** Time after which an idle connection is closed [ms]. */
	readonly idle: number;
}

/** A fastify instance without routes, with the limits that every listener of the daemon has. It does not listen yet. */
export function newHttpServer({ tls, connections, idle }: HttpServerOptions): FastifyInstance {
	const options = {
		logger: false,
		bodyLimit: LIMITS.bodyBytes,
		requestTimeout: TIMES.request,
		connectionTimeout: idle,
		keepAliveTimeout: idle,
		forceCloseConnections: true,
		/* A slow host may take any time to start: the service manager has the limit (TimeoutStartSec). */
		pluginTimeout: 0,
		/* A value of another type ("limit=x") is an error, not NaN. "array": a parameter that is given once is a list of one. */
		ajv: { customOptions: { coerceTypes: "array", removeAdditional: false, allErrors: false } },
		http: { headersTimeout: TIMES.headers, connectionsCheckingInterval: TIMES.headers / 2, maxHeaderSize: 16_384 },
	} as const;
	const https = { ...tls, ...options.http, minVersion: "TLSv1.2", handshakeTimeout: TIMES.headers } as const;
	const app = tls === null ? fastify(options) : (fastify({ ...options, https }) as unknown as FastifyInstance);
	const closeConnections = capConnections(app.server, connections);
	app.addHook("preClose", (done) => {
		setImmediate(closeConnections);
		done();
	});
	return app;
}
