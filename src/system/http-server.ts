import { type FastifyInstance, type FastifyServerOptions, fastify } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import { capConnections } from "./connection-cap.ts";
import type { TlsFiles } from "./listen-address.ts";
import type { Callers } from "./peer.ts";

export interface HttpServerOptions
	extends Pick<FastifyServerOptions, "routerOptions" | "frameworkErrors" | "clientErrorHandler"> {
	readonly tls: TlsFiles | null;
	/** Most open connections, of all callers. */
	readonly connections: number;
	readonly callers: Callers;
	/** Time after which an idle connection is closed [ms]. */
	readonly idle: number;
}

/** Most bytes of the head of a request. */
export const HEADER_BYTES = 16_384;

/** A fastify instance without routes, with the limits that every listener of the daemon has. It does not listen yet. */
export function newHttpServer({ tls, connections, callers, idle, ...handlers }: HttpServerOptions): FastifyInstance {
	const options = {
		...handlers,
		logger: false,
		bodyLimit: LIMITS.bodyBytes,
		requestTimeout: TIMES.request,
		connectionTimeout: idle,
		keepAliveTimeout: idle,
		forceCloseConnections: true,
		/* No limit, because hosts may be slow: TimeoutStartSec of the unit limits the start. */
		pluginTimeout: 0,
		/* "limit=x" is an error: a value that cannot be coerced fails validation. A parameter that is given once is a list of one value. */
		ajv: { customOptions: { coerceTypes: "array", removeAdditional: false, allErrors: false } },
		http: {
			headersTimeout: TIMES.headers,
			connectionsCheckingInterval: TIMES.headers / 2,
			maxHeaderSize: HEADER_BYTES,
		},
	} as const;
	const https = { ...tls, ...options.http, minVersion: "TLSv1.2", handshakeTimeout: TIMES.headers } as const;
	const app = tls === null ? fastify(options) : (fastify({ ...options, https }) as unknown as FastifyInstance);
	const closeConnections = capConnections(app.server, connections, callers);
	app.addHook("preClose", (done) => {
		setImmediate(closeConnections);
		done();
	});
	return app;
}
