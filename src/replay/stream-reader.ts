import { PARSE_KIND, READ_RESULT, REQUEST_FLAG } from "../native/layout.ts";
import type { Fact, Request } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

/** Bytes passed to a parser at a time, which fit with its request into one run of the kernel's program. */
export const PIECE_MAX = 2048;

type Found = (fact: Fact) => void;

/** Reads the ClientHellos, wherever they begin, and the HTTP requests that one side of a TCP connection sends. */
export class StreamReader {
	readonly #parse: Parse;
	#request: ParseRequest | null = null;
	#isOver = false;
	/** The capture lacks bytes, so each segment may begin a message. */
	#hasGap = false;

	constructor(parse: Parse) {
		this.#parse = parse;
	}

	/**
	 * Throws NativeError if the parser refuses the request.
	 *
	 * @param lost bytes missing in front of these; an incomplete message is dropped
	 */
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

	/** Reports an incomplete hello, at the end of the stream. */
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
		// Nearly every result consumes bytes, so the bound is never reached.
		for (let count = 0; count < 2 * piece.length + 16; count++) {
			const result = request.parse(piece);
			if (result === READ_RESULT.more) return;
			if (result === READ_RESULT.over) {
				this.#isOver = true;
				this.#request = null;
				return;
			}
			if (result === READ_RESULT.hello) found(request.hello("tls"));
			if (result === READ_RESULT.request) found(requestOf(request));
		}
		throw new Error("the stream parser does not terminate");
	}
}

function requestOf(request: ParseRequest): Request {
	if ((request.flags & REQUEST_FLAG.h2c) !== 0) return { ...NO_REQUEST, version: 2 };
	const isBroken = (request.flags & REQUEST_FLAG.broken) !== 0;
	const [method, path] = [request.text("method") ?? "", request.text("path") ?? ""];
	return { ...NO_REQUEST, isBroken, method, path, name: isBroken ? null : request.text("name") };
}

const NO_REQUEST = { kind: "request", version: 1, isBroken: false, method: "", path: "", name: null } as const;
