import { HELLO_FLAG, HELLO_RESULT, PARSE_REQUEST, TEXT } from "../native/layout.ts";
import { readerNames } from "../native/vocabulary.ts";
import type { Hello } from "./finding.ts";

/**
 * Runs a parser and writes its result to the request: in user space (Addon.parse) or in the kernel (the program
 * `parse`).
 */
export type Parse = (request: Buffer, bytes: Buffer) => void;

/** A request to a parser of bpf/parse/parse.h. It keeps the state between two pieces of a message. */
export class ParseRequest {
	readonly buffer = Buffer.alloc(PARSE_REQUEST.bytes);
	readonly #parse: Parse;

	constructor(parse: Parse, kind: number) {
		this.#parse = parse;
		this.buffer.writeUInt8(kind, PARSE_REQUEST.kind);
	}

	/** Sets the range to all of `bytes`. Each parse() moves its start behind the bytes that were read. */
	begin(bytes: Buffer): void {
		this.buffer.writeUInt32LE(0, PARSE_REQUEST.at);
		this.buffer.writeUInt32LE(bytes.length, PARSE_REQUEST.end);
	}

	/** Returns the result of the kind: READ_RESULT, QUIC_STEP or PARSE_DNS_RESULT. Throws NativeError. */
	parse(bytes: Buffer): number {
		this.#parse(this.buffer, bytes);
		return this.buffer.readUInt8(PARSE_REQUEST.result);
	}

	/** The protocol that the stream is read as. */
	get reads(): (typeof readerNames)[number] {
		return readerNames[this.buffer.readUInt8(PARSE_REQUEST.reader)] ?? "over";
	}

	/** A message is incomplete. */
	get isPending(): boolean {
		return this.buffer.readUInt8(PARSE_REQUEST.isPending) === 1;
	}

	/** HELLO_RESULT of the last hello. */
	get how(): keyof typeof HELLO_RESULT {
		return HELLO_NAMES[this.buffer.readUInt8(PARSE_REQUEST.hello)] ?? "broken";
	}

	/** The hello of the last result. */
	hello(via: Hello["via"]): Hello {
		const how = this.how === "named" || this.how === "unnamed" ? this.how : "broken";
		const name = how === "named" ? (this.text("name") ?? "") : null;
		return { kind: "hello", via, how, name, ech: (this.flags & HELLO_FLAG.ech) !== 0 };
	}

	/** A field of the message as latin1, cut at the length that the parser keeps. Null: it is empty. */
	text(field: "name" | "method" | "path"): string | null {
		const at = PARSE_REQUEST.text + TEXT[field];
		const length = this.word(`${field}Length`);
		return length === 0 ? null : this.buffer.toString("latin1", at, at + Math.min(length, TEXT_SIZES[field]));
	}

	/** A 16-bit field of the message. */
	word(field: "nameLength" | "methodLength" | "pathLength" | "queryType" | "queryId" | "status"): number {
		return this.buffer.readUInt16LE(PARSE_REQUEST.text + TEXT[field]);
	}

	/** HELLO_FLAG or REQUEST_FLAG. */
	get flags(): number {
		return this.buffer.readUInt32LE(PARSE_REQUEST.text + TEXT.flags);
	}
}

const HELLO_NAMES = Object.keys(HELLO_RESULT) as (keyof typeof HELLO_RESULT)[];
const TEXT_SIZES = {
	name: TEXT.method - TEXT.name,
	method: TEXT.path - TEXT.method,
	path: TEXT.bytes - TEXT.path,
} as const;
