/** The kernel's parsers asked by a buffer: bpf/parse/parse.h. */
import { HELLO_FLAG, HELLO_RESULT, PARSE_REQUEST, TEXT } from "../native/layout.ts";
import { readerNames } from "../native/vocabulary.ts";
import type { Hello } from "./finding.ts";

/** Answers the request in place: in user space (Addon.parse), or in the kernel (the program `parse`). */
export type Parse = (request: Buffer, bytes: Buffer) => void;

/** A request that keeps a parser's state between two pieces. */
export class ParseRequest {
	readonly buffer = Buffer.alloc(PARSE_REQUEST.bytes);
	readonly #parse: Parse;

	constructor(parse: Parse, kind: number) {
		this.#parse = parse;
		this.buffer.writeUInt8(kind, PARSE_REQUEST.kind);
	}

	/** Ask about all of `bytes`, or what is left of them behind the last answer. */
	begin(bytes: Buffer): void {
		this.buffer.writeUInt32LE(0, PARSE_REQUEST.at);
		this.buffer.writeUInt32LE(bytes.length, PARSE_REQUEST.end);
	}

	/** One of its kind's results: READ_RESULT, QUIC_STEP, PARSE_DNS_RESULT. */
	ask(bytes: Buffer): number {
		this.#parse(this.buffer, bytes);
		return this.buffer.readUInt8(PARSE_REQUEST.result);
	}

	/** What the stream is taken for. */
	get reads(): (typeof readerNames)[number] {
		return readerNames[this.buffer.readUInt8(PARSE_REQUEST.reader)] ?? "over";
	}

	/** A message is half read. */
	get isPending(): boolean {
		return this.buffer.readUInt8(PARSE_REQUEST.isPending) === 1;
	}

	/** As HELLO_RESULT names it. */
	get how(): keyof typeof HELLO_RESULT {
		return HELLO_NAMES[this.buffer.readUInt8(PARSE_REQUEST.hello)] ?? "broken";
	}

	/** The one that was answered. */
	hello(via: Hello["via"]): Hello {
		const how = this.how === "named" || this.how === "unnamed" ? this.how : "broken";
		const name = how === "named" ? (this.text("name") ?? "") : null;
		return { kind: "hello", via, how, name, ech: (this.flags & HELLO_FLAG.ech) !== 0 };
	}

	/** Bytes as latin1, as much as was kept; null if there are none. */
	text(field: "name" | "method" | "path"): string | null {
		const at = PARSE_REQUEST.text + TEXT[field];
		const length = this.word(`${field}Length`);
		return length === 0 ? null : this.buffer.toString("latin1", at, at + Math.min(length, TEXT_ROOM[field]));
	}

	word(field: "nameLength" | "methodLength" | "pathLength" | "queryType" | "queryId" | "status"): number {
		return this.buffer.readUInt16LE(PARSE_REQUEST.text + TEXT[field]);
	}

	get flags(): number {
		return this.buffer.readUInt32LE(PARSE_REQUEST.text + TEXT.flags);
	}
}

const HELLO_NAMES = Object.keys(HELLO_RESULT) as (keyof typeof HELLO_RESULT)[];
const TEXT_ROOM = {
	name: TEXT.method - TEXT.name,
	method: TEXT.path - TEXT.method,
	path: TEXT.bytes - TEXT.path,
} as const;
