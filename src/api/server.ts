import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type FastifyInstance, fastify } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import { problemOf, Refusal, sendProblem } from "./problem-details.ts";

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
		/* "limit=x" is an error: a value that cannot be coerced fails validation. "array": a parameter given once is a list of one. */
		ajv: { customOptions: { coerceTypes: "array", removeAdditional: false, allErrors: false } },
		http: {
			headersTimeout: TIMES.headers,
			connectionsCheckingInterval: TIMES.headers / 2,
			maxHeaderSize: HEADER_BYTES,
		},
		/* The schemas limit parameters, with better errors; a percent-encoded name is longer than the name. */
		routerOptions: { maxParamLength: HEADER_BYTES },
		frameworkErrors: (_error: Error, _request: unknown, reply: Parameters<typeof sendProblem>[0]) => {
			sendProblem(reply, new Refusal(400, "bad-request", "The path of the request is invalid."));
		},
		clientErrorHandler: refuseBytes,
	} as const;
	if (tls === undefined) return fastify(options);
	const https = { ...tls, ...options.http, minVersion: "TLSv1.2", handshakeTimeout: TIMES.headers } as const;
	return fastify({ ...options, https }) as unknown as FastifyInstance;
}

const HEADER_BYTES = 16_384;

/* For bytes that are no request: there is no reply object, so the response is written by hand. */
function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
	if (error.code === "ECONNRESET" || socket.destroyed) return;
	const refusal = CLIENT_ERRORS[error.code ?? ""] ?? new Refusal(400, "bad-request", "The request is not valid HTTP.");
	const body = JSON.stringify(problemOf(refusal));
	const head = [
		`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
		"content-type: application/problem+json",
		`content-length: ${body.length}`,
		"connection: close",
	];
	if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
	socket.destroy(error);
}

const CLIENT_ERRORS: Readonly<Record<string, Refusal>> = {
	ERR_HTTP_REQUEST_TIMEOUT: new Refusal(408, "timeout", "The request did not arrive in time."),
	HPE_HEADER_OVERFLOW: new Refusal(
		431,
		"headers-too-large",
		`The head of a request has at most ${HEADER_BYTES} bytes.`,
	),
};
