import { PARSE_DNS, PARSE_DNS_RESULT, PARSE_KIND, PARSE_REQUEST } from "../native/layout.ts";
import type { LearnedAddress, Message } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

const HEADER = 12;
const RESPONSE = 0x8000;

/** Reads a DNS message. Null: it is shorter than a header. */
export function readMessage(parse: Parse, bytes: Buffer): Message | null {
	if (bytes.length < HEADER) return null;
	const request = new ParseRequest(parse, PARSE_KIND.dns);
	const questions: { name: string; type: number }[] = [];
	const addresses: LearnedAddress[] = [];
	request.begin(bytes);
	// Each result but the last consumes at least four bytes, so the bound is never reached.
	for (let step = 0; step <= bytes.length; step++) {
		const result = request.parse(bytes);
		if (result === PARSE_DNS_RESULT.question)
			questions.push({ name: request.text("name") ?? "", type: request.word("queryType") });
		else if (result === PARSE_DNS_RESULT.address) addresses.push(addressOf(request.buffer));
		else {
			const isAnswer = (request.buffer.readUInt16LE(PARSE_REQUEST.dns + PARSE_DNS.flags) & RESPONSE) !== 0;
			const isBroken = result === PARSE_DNS_RESULT.broken;
			return { kind: "message", id: request.word("queryId"), isAnswer, isBroken, questions, addresses };
		}
	}
	throw new Error("the DNS parser does not terminate");
}

function addressOf(request: Buffer): LearnedAddress {
	const at = PARSE_REQUEST.dns + PARSE_DNS.address;
	return {
		address: request.toString("latin1", at, at + 16),
		ttl: request.readUInt32LE(PARSE_REQUEST.dns + PARSE_DNS.ttl),
	};
}

/** Splits a stream into messages, each preceded by its length (RFC 1035 4.2.2). */
export class MessageStream {
	#waiting: Buffer = Buffer.alloc(0);

	/** @param lost bytes missing in front of these; a message is then assumed to begin here */
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
