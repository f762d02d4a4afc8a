import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { HEADER_BYTES } from "../system/http-server.ts";
import { problemOf, Refusal, sendProblem } from "./problem-details.ts";

/** Options of the server: requests that reach no route get problem details too. */
export const HTTP_ERRORS = {
	/* The schemas limit parameters, with better errors; a percent-encoded name is longer than the name. */
	routerOptions: { maxParamLength: HEADER_BYTES },
	frameworkErrors: (_error: Error, _request: unknown, reply: FastifyReply) => {
		sendProblem(reply, new Refusal(400, "bad-request", "The path of the request is invalid."));
	},
	clientErrorHandler: refuseBytes,
} as const;

/* For bytes that are no request: there is no reply object, so the response is written by hand. */
function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
	if (error.code === "ECONNRESET" || socket.destroyed) return;
	const refusal =
		CLIENT_ERRORS.get(error.code ?? "") ?? new Refusal(400, "bad-request", "The request is not valid HTTP.");
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

const CLIENT_ERRORS: ReadonlyMap<string, Refusal> = new Map(
	Object.entries<Refusal>({
		ERR_HTTP_REQUEST_TIMEOUT: new Refusal(408, "timeout", "The request did not arrive in time."),
		HPE_HEADER_OVERFLOW: new Refusal(
			431,
			"headers-too-large",
			`The head of a request has at most ${HEADER_BYTES} bytes.`,
		),
	}),
);
