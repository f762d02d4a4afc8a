import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import type { Logger } from "../base/logger.ts";
import { printable } from "../base/text.ts";
import { FilterError, HistoryError } from "../records/query-errors.ts";

/** RFC 9457. Every error of the API is one. */
export interface ProblemDetails {
	readonly type: string;
	readonly title: string;
	readonly status: number;
	readonly detail: string;
	readonly errors?: readonly FieldError[];
	readonly [extension: string]: unknown;
}

/** What is wrong with one part of the request: a parameter, a place of the body, or a place of the policy. */
export interface FieldError {
	readonly detail: string;
	/** Of the query or the path. */
	readonly parameter?: string;
	/** Of a JSON body: a JSON pointer. */
	readonly pointer?: string;
}

export class Refusal extends Error {
	readonly status: number;
	readonly slug: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly members: Readonly<Record<string, unknown>>;

	/** `members`: further members of the document, `errors` among them. */
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

export function sendProblems(app: FastifyInstance, log: Logger): void {
	app.setErrorHandler((error: FastifyError, request, reply) => {
		const refusal = refusalOf(error);
		if (refusal.slug === "internal" || refusal.slug === "history-unavailable") {
			log.error("request failed", { method: request.method, url: printable(request.url), error });
		}
		return sendProblem(reply, refusal);
	});
	app.setNotFoundHandler((request, reply) =>
		sendProblem(
			reply,
			new Refusal(404, "not-found", `There is no ${request.method} ${printable(request.url.split("?", 1)[0] ?? "")}.`),
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
		title: TITLES[slug] ?? STATUS_CODES[status] ?? "Error",
		status,
		detail: message,
		...members,
	};
}

function refusalOf(error: FastifyError): Refusal {
	if (error instanceof Refusal) return error;
	if (error instanceof FilterError) {
		const detail = printable(error.message);
		return new Refusal(400, "bad-request", detail, { errors: [{ parameter: error.parameter, detail }] });
	}
	if (error.validation !== undefined) {
		const where = error.validationContext ?? "body";
		const errors = error.validation.map((each): FieldError => {
			const { additionalProperty, allowedValues } = each.params as Params;
			const path = additionalProperty === undefined ? each.instancePath : `${each.instancePath}/${additionalProperty}`;
			const detail = printable(
				additionalProperty !== undefined
					? "is not known here"
					: allowedValues !== undefined
						? `is one of ${allowedValues.join(", ")}`
						: (each.message ?? "is wrong"),
			);
			/* "/name/0" is a value of the parameter "name". */
			const [, parameter = ""] = path.split("/");
			return where === "body" ? { pointer: printable(path), detail } : { parameter: printable(parameter), detail };
		});
		const detail = errors.map((each) => `${each.parameter ?? each.pointer} ${each.detail}`).join("; ");
		return new Refusal(400, "bad-request", `${detail}.`, { errors });
	}
	if (error instanceof HistoryError) return ofHistory(error);
	const status = error.statusCode ?? 500;
	if (status >= 500) return new Refusal(500, "internal", "The daemon failed; see its log.");
	const headers: Record<string, string> = status === 413 ? { connection: "close" } : {};
	return new Refusal(status, SLUGS[status] ?? "refused", printable(error.message), {}, headers);
}

function ofHistory({ code, message }: HistoryError): Refusal {
	const detail = printable(message);
	if (code === "bad_cursor")
		return new Refusal(400, "bad-request", detail, { errors: [{ parameter: "cursor", detail }] });
	return new Refusal(503, "history-unavailable", detail, {}, { "retry-after": "1" });
}

interface Params {
	readonly additionalProperty?: string;
	readonly allowedValues?: readonly string[];
}

const SLUGS: Readonly<Record<number, string>> = {
	400: "bad-request",
	404: "not-found",
	413: "too-large",
	415: "unsupported-type",
	429: "too-many-requests",
};

const TITLES: Readonly<Record<string, string>> = {
	"bad-request": "The request is not understood",
	"invalid-policy": "The policy is not valid",
	"other-policy": "Another policy is in force",
	"history-unavailable": "History cannot be read",
	"token-needed": "A token is needed",
	"too-large": "The body is too large",
};
