/** The kernel's parsers, asked in user space or, by BPF_PROG_TEST_RUN, in the kernel: the same source, the same request. */
import type { Addon, Kernel } from "../../src/native/binding.ts";
import { HELLO_RESULT, PARSE_REQUEST, PARSE_STREAM, READ_RESULT, TEXT } from "../../src/native/layout.ts";

/** Answers the request in place. */
export type Parse = (request: Buffer, bytes: Uint8Array) => void;

export const inUserSpace =
	(addon: Addon): Parse =>
	(request, bytes) =>
		addon.parse(request, bytes);

export const inKernel =
	(kernel: Kernel): Parse =>
	(request, bytes) => {
		const { retval, data } = kernel.testRun("parse", Buffer.concat([request, bytes]), 1);
		if (retval !== 0) throw new Error(`parse returned ${retval}`);
		data.copy(request, 0, 0, PARSE_REQUEST.bytes);
	};

export interface Hello {
	readonly name: string | null;
	/** named, unnamed, broken. */
	readonly how: string;
	readonly flags: number;
	/** Bytes of the stream that had been handed over when it was complete. */
	readonly after: number;
}

export interface StreamRead {
	readonly hellos: readonly Hello[];
	readonly isOther: boolean;
	readonly isOver: boolean;
	readonly isPending: boolean;
	/** After each piece, for comparing one parser with the other. */
	readonly requests: readonly Buffer[];
}

const MOST_CALLS = 64;

/** Read a TCP client's stream, handed over in pieces. */
export function readStream(parse: Parse, pieces: readonly Uint8Array[]): StreamRead {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	const hellos: Hello[] = [];
	const requests: Buffer[] = [];
	let isOther = false;
	let isOver = false;
	let given = 0;
	request.writeUInt8(PARSE_STREAM, PARSE_REQUEST.kind);
	for (const piece of pieces) {
		given += piece.length;
		request.writeUInt32LE(0, PARSE_REQUEST.at);
		request.writeUInt32LE(piece.length, PARSE_REQUEST.end);
		for (let call = 0; ; call++) {
			if (call === MOST_CALLS) throw new Error("the parser does not come to an end");
			parse(request, piece);
			requests.push(Buffer.from(request));
			const result = request.readUInt8(PARSE_REQUEST.result);
			if (result === READ_RESULT.hello) hellos.push(helloOf(request, given));
			if (result === READ_RESULT.other) isOther = true;
			isOver = result === READ_RESULT.over;
			if (result === READ_RESULT.more || isOver) break;
		}
	}
	return { hellos, isOther, isOver, isPending: request.readUInt8(PARSE_REQUEST.isPending) === 1, requests };
}

function helloOf(request: Buffer, after: number): Hello {
	const text = request.subarray(PARSE_REQUEST.text, PARSE_REQUEST.text + TEXT.bytes);
	const result = request.readUInt8(PARSE_REQUEST.hello);
	const how = Object.entries(HELLO_RESULT).find(([, value]) => value === result)?.[0] ?? `${result}`;
	const length = text.readUInt16LE(TEXT.nameLength);
	const name = how === "named" ? text.toString("latin1", TEXT.name, TEXT.name + Math.min(length, 256)) : null;
	return { name, how, flags: text.readUInt32LE(TEXT.flags), after };
}
