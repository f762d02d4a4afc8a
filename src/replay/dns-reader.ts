import { PARSE_DNS, PARSE_DNS_RESULT, PARSE_KIND, PARSE_REQUEST } from "../native/layout.ts";
import type { LearnedAddress, Message } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

const HEADER = 12;
const RESPONSE = 0x8000;

/** Reads a message of DNS; null if it has not even a header. */
export function readMessage(parse: Parse, bytes: Buffer): Message | null {
	if (bytes.length < HEADER) return null;
	const request = new ParseRequest(parse, PARSE_KIND.dns);
	const questions: { name: string; type: number }[] = [];
	const addresses: LearnedAddress[] = [];
	request.begin(bytes);
	// A question has five bytes, an address at least four.
	for (let answer = 0; answer <= bytes.length; answer++) {
		const result = request.ask(bytes);
		if (result === PARSE_DNS_RESULT.question)
			questions.push({ name: request.text("name") ?? "", type: request.word("queryType") });
		else if (result === PARSE_DNS_RESULT.address) addresses.push(addressOf(request.buffer));
		else {
			const isAnswer = (request.buffer.readUInt16LE(PARSE_REQUEST.dns + PARSE_DNS.flags) & RESPONSE) !== 0;
			const isBroken = result === PARSE_DNS_RESULT.broken;
			return { kind: "message", id: request.word("queryId"), isAnswer, isBroken, questions, addresses };
		}
	}
	throw new Error("the parser does not come to an end");
}

function addressOf(request: Buffer): LearnedAddress {
	const at = PARSE_REQUEST.dns + PARSE_DNS.address;
	return {
		address: request.toString("latin1", at, at + 16),
		ttl: request.readUInt32LE(PARSE_REQUEST.dns + PARSE_DNS.ttl),
	};
}

/** Takes messages out of a stream, each with its length in front (RFC 1035 4.2.2). */
export class MessageStream {
	#waiting: Buffer = Buffer.alloc(0);

	/** `lost`: bytes are missing in front of these; where the next message begins is then taken to be here. */
	read(bytes: Buffer, lost: number, found: (message: Buffer) => void): void {
		let rest = lost > 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
		while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
			const end = 2 + rest.readUInt16BE(0);
			found(rest.subarray(2, end));
			rest = rest.subarray(end);
		}
		this.#waiting = rest;
	}
}
