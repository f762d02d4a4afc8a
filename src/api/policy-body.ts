import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { LIMITS } from "../base/config.ts";
import { Refusal } from "./problem-details.ts";

/**
 * Reads the text of a policy. Fastify keeps each piece of a body until its end, so a body in pieces of one byte takes
 * fifty times its size: here each piece is copied and released. Few bodies are read at a time.
 */
export class PolicyBodies {
	#reading = 0;

	/** Rejects with Refusal: 413 beyond the limit of the route, 400 for pieces that are too small, 503 if others are being read. */
	async read(request: FastifyRequest, payload: Readable): Promise<string> {
		if (this.#reading >= LIMITS.policiesRead) {
			throw new Refusal(
				503,
				"busy",
				"Too many policies are being read; retry later.",
				{},
				{ ...CLOSE, "retry-after": "2" },
			);
		}
		this.#reading++;
		try {
			return await textOf(payload, Number(request.headers["content-length"] ?? 0), request.routeOptions.bodyLimit);
		} finally {
			this.#reading--;
		}
	}
}

async function textOf(payload: Readable, announced: number, limit: number): Promise<string> {
	if (announced > limit) throw tooLarge(limit);
	let body = Buffer.allocUnsafe(Math.max(announced, FIRST));
	let length = 0;
	let pieces = 0;
	/* The connection is needed for the response. */
	for await (const piece of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
		if (length + piece.length > limit) throw tooLarge(limit);
		if (++pieces > PIECES && length < pieces * PIECE) {
			throw new Refusal(400, "bad-request", `The body arrives in pieces of fewer than ${PIECE} bytes.`, {}, CLOSE);
		}
		if (length + piece.length > body.length) {
			const larger = Buffer.allocUnsafe(Math.min(limit, 2 * (length + piece.length)));
			body.copy(larger, 0, 0, length);
			body = larger;
		}
		length += piece.copy(body, length);
	}
	return body.toString("utf8", 0, length);
}

function tooLarge(limit: number): Refusal {
	return new Refusal(413, "too-large", `The body exceeds ${limit} bytes.`, {}, CLOSE);
}

/* The rest of the body is not read, so the connection cannot be used again. */
const CLOSE = { connection: "close" } as const;
/** [bytes] */
const FIRST = 64 * 1024;
/** From this many pieces on, their mean must be PIECE bytes: each piece costs time. */
const PIECES = 10_000;
const PIECE = 64;
