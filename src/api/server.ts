import { type FastifyInstance, fastify } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import { HEADER_BYTES, HTTP_ERRORS } from "./http-errors.ts";

export interface Tls {
	readonly cert: Buffer;
	readonly key: Buffer;
}

/** The HTTP server of one listener, with its limits; over TLS if a certificate is given. It has no routes. */
export function newServer(tls: Tls | undefined): FastifyInstance {
	const options = {
		logger: false,
		bodyLimit: LIMITS.bodyBytes,
		requestTimeout: TIMES.request,
		connectionTimeout: TIMES.idle,
		keepAliveTimeout: TIMES.idle,
		forceCloseConnections: true,
		/* No limit, because hosts may be slow: TimeoutStartSec of the unit limits the start. */
		pluginTimeout: 0,
		/* "limit=x" is an error: a value that cannot be coerced fails validation. A parameter that is given once is a list of one. */
		ajv: { customOptions: { coerceTypes: "array", removeAdditional: false, allErrors: false } },
		http: {
			headersTimeout: TIMES.headers,
			connectionsCheckingInterval: TIMES.headers / 2,
			maxHeaderSize: HEADER_BYTES,
		},
		...HTTP_ERRORS,
	} as const;
	if (tls === undefined) return fastify(options);
	const https = { ...tls, ...options.http, minVersion: "TLSv1.2", handshakeTimeout: TIMES.headers } as const;
	return fastify({ ...options, https }) as unknown as FastifyInstance;
}
