import { PARSE_KIND, READ_RESULT, REQUEST_FLAG } from "../native/layout.ts";
import type { Request, What } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

/** Bytes handed to a parser at once: what fits beside its request into one run of a kernel's program. */
export const PIECE_MAX = 2048;

type Found = (what: What) => void;

/** Reads what one side of a TCP connection says: hellos, wherever they begin, and requests of HTTP. */
export class StreamReader {
	readonly #parse: Parse;
	#request: ParseRequest | null = null;
	#isOver = false;
	/** The capture lacks bytes: a message may begin where a segment does. */
	#hasGap = false;

	constructor(parse: Parse) {
		this.#parse = parse;
	}

	/** `lost`: bytes are missing in front of these; what was half read is given up. */
	read(bytes: Buffer, lost: number, found: Found): void {
		if (lost > 0) {
			this.end(found);
			this.#hasGap = true;
		}
		if (lost > 0 || (this.#hasGap && this.#isBetweenMessages)) {
			this.#request = null;
			this.#isOver = false;
		}
		for (let at = 0; at < bytes.length && !this.#isOver; at += PIECE_MAX)
			this.#readPiece(bytes.subarray(at, at + PIECE_MAX), found);
	}

	/** The stream ended. */
	end(found: Found): void {
		if (this.#request?.reads === "tls" && this.#request.isPending)
			found({ kind: "hello", via: "tls", how: "cut", name: null, ech: false });
	}

	get #isBetweenMessages(): boolean {
		return this.#isOver || (this.#request?.reads === "cleartext" && !this.#request.isPending);
	}

	#readPiece(piece: Buffer, found: Found): void {
		this.#request ??= new ParseRequest(this.#parse, PARSE_KIND.stream);
		const request = this.#request;
		request.begin(piece);
		// Each answer but a few has read on.
		for (let answer = 0; answer < 2 * piece.length + 16; answer++) {
			const result = request.ask(piece);
			if (result === READ_RESULT.more) return;
			if (result === READ_RESULT.over) {
				this.#isOver = true;
				this.#request = null;
				return;
			}
			if (result === READ_RESULT.hello) found(request.hello("tls"));
			if (result === READ_RESULT.request) found(requestOf(request));
		}
		throw new Error("the parser does not come to an end");
	}
}

function requestOf(request: ParseRequest): Request {
	if ((request.flags & REQUEST_FLAG.h2c) !== 0) return { ...NO_REQUEST, version: 2 };
	const isBroken = (request.flags & REQUEST_FLAG.broken) !== 0;
	const [method, path] = [request.text("method") ?? "", request.text("path") ?? ""];
	return { ...NO_REQUEST, isBroken, method, path, name: isBroken ? null : request.text("name") };
}

const NO_REQUEST = { kind: "request", version: 1, isBroken: false, method: "", path: "", name: null } as const;
