import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import type { Logger } from "../base/logger.ts";
import { printable } from "../base/text.ts";
import { FilterError, HistoryError } from "../records/query-errors.ts";
import { type FieldError, fieldErrors, sentenceOf } from "./validation.ts";

/** Problem details (RFC 9457): the body of every error response. */
export interface ProblemDetails {
	readonly type: string;
	readonly title: string;
	readonly status: number;
	readonly detail: string;
	readonly errors?: readonly FieldError[];
	readonly [extension: string]: unknown;
}

/** An error response. Thrown by handlers and by the services that they call. */
export class Refusal extends Error {
	readonly status: number;
	readonly slug: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly members: Readonly<Record<string, unknown>>;

	/** `slug` ends the `type` of the problem; `members` are added to its document, for example `errors`. */
	constructor(
		status: number,
		slug: string,
		detail: string,
		members: Readonly<Record<string, unknown>> = {},
		headers: Readonly<Record<string, string>> = {},
	) {
		super(detail);
		this.name = "Refusal";
		this.status = status;
		this.slug = slug;
		this.members = members;
		this.headers = headers;
	}
}

/** Sends every error, and every request without a route, as problem details. Internal errors are logged, and their cause is not sent. */
export function sendProblems(app: FastifyInstance, log: Logger): void {
	app.setErrorHandler((error: FastifyError, request, reply) => {
		const refusal = refusalOf(error);
		const isOurs = refusal.slug === "internal" || refusal.slug === "history-unavailable";
		if (isOurs && !isOfClosed(error)) {
			log.error("request failed", { method: request.method, url: printable(request.url), error });
		}
		return sendProblem(reply, refusal);
	});
	app.setNotFoundHandler((request, reply) =>
		sendProblem(
			reply,
			app.supportedMethods.includes(request.method)
				? new Refusal(404, "not-found", `There is no ${printable(request.url.split("?", 1)[0] ?? "")}.`)
				: new Refusal(501, "unknown-method", `${request.method} is not a method of this API.`),
		),
	);
}

export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
	const body = problemOf(refusal);
	return reply
		.code(refusal.status)
		.headers(refusal.headers)
		.type("application/problem+json")
		.serializer((document: unknown) => JSON.stringify(document))
		.send(body);
}

export function problemOf({ status, slug, message, members }: Refusal): ProblemDetails {
	return {
		type: `urn:sallyport:problem:${slug}`,
		title: TITLES.get(slug) ?? STATUS_CODES[status] ?? "Error",
		status,
		detail: message,
		...members,
	};
}

/* The query ended because its client has closed the connection. */
function isOfClosed(error: Error): boolean {
	return error instanceof HistoryError && error.code === "gone";
}

function refusalOf(error: FastifyError): Refusal {
	if (error instanceof Refusal) return error;
	if (error instanceof FilterError) {
		const detail = printable(error.message);
		return new Refusal(400, "bad-request", detail, { errors: [{ parameter: error.parameter, detail }] });
	}
	if (error instanceof HistoryError) return ofHistory(error);
	if (error.validation !== undefined) {
		const errors = fieldErrors(error);
		return new Refusal(400, "bad-request", sentenceOf(errors), { errors });
	}
	const status = error.statusCode ?? 500;
	if (status >= 500) return new Refusal(500, "internal", "Internal error; the daemon's log has the cause.");
	/* The rest of a body that is too large is not read, so the connection cannot be used again. */
	const headers: Record<string, string> = status === 413 ? { connection: "close" } : {};
	return new Refusal(status, SLUGS[status] ?? "refused", printable(error.message), {}, headers);
}

function ofHistory({ code, message }: HistoryError): Refusal {
	const detail = printable(message);
	if (code === "bad_cursor")
		return new Refusal(400, "bad-request", detail, { errors: [{ parameter: "cursor", detail }] });
	if (code === "too_slow") return new Refusal(503, "query-timeout", `${detail}.`);
	if (code === "busy") return new Refusal(503, "busy", `${detail}.`, {}, { "retry-after": "1" });
	return new Refusal(503, "history-unavailable", detail, {}, { "retry-after": "1" });
}

const SLUGS: Readonly<Record<number, string>> = {
	400: "bad-request",
	404: "not-found",
	413: "too-large",
	415: "unsupported-type",
	429: "too-many-requests",
};

const TITLES: ReadonlyMap<string, string> = new Map(
	Object.entries<string>({
		"bad-request": "Invalid request",
		"invalid-policy": "Invalid policy",
		"invalid-overlay": "Invalid overlay",
		"overlay-exists": "The overlay exists",
		"overlay-limit": "Too many rules or overlays",
		"other-overlay": "The overlay has changed",
		"unknown-policy": "The policy in force is unknown",
		"other-policy": "Another policy is in force",
		"history-unavailable": "History is unavailable",
		"token-needed": "Token required",
		"too-large": "Body too large",
	}),
);
