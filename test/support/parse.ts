/** The parsers, run in user space or, by BPF_PROG_TEST_RUN, in the kernel: the same source and the same requests. */
import type { Addon, Kernel } from "../../src/native/binding.ts";
import {
	HELLO_RESULT,
	HTTP_READER,
	HTTP_RESULT,
	PARSE_KIND,
	PARSE_REQUEST,
	READ_RESULT,
	READER,
	REQUEST_FLAG,
	TEXT,
} from "../../src/native/layout.ts";
import { httpReasonNames } from "../../src/native/vocabulary.ts";

/** Processes the request in place. */
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
	/** Offset in the stream at which the result was complete [bytes]. */
	readonly after: number;
}

export interface StreamRead {
	readonly hellos: readonly Hello[];
	/** HTTP requests, and what may be one. */
	readonly heads: readonly Head[];
	readonly isOther: boolean;
	readonly isOver: boolean;
	readonly isPending: boolean;
	/** The state after each piece, for comparing two parsers. */
	readonly requests: readonly Buffer[];
}

export interface Head {
	/** null: it cannot be read. */
	readonly name: string | null;
	/** Offset in the stream of the piece in which it ended [bytes]. */
	readonly after: number;
}

const MOST_CALLS = 64;

/** Parses a TCP client's stream, given in pieces. `isWatched`: a name may be denied, so that all bytes are searched. */
export function readStream(parse: Parse, pieces: readonly Uint8Array[], { isWatched = false } = {}): StreamRead {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	const hellos: Hello[] = [];
	const heads: Head[] = [];
	const requests: Buffer[] = [];
	let isOther = false;
	let isOver = false;
	let given = 0;
	request.writeUInt8(PARSE_KIND.stream, PARSE_REQUEST.kind);
	request.writeUInt8(isWatched ? 1 : 0, PARSE_REQUEST.reader + READER.isWatched);
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
			if (result === READ_RESULT.request) heads.push({ name: headName(request), after: given });
			if (result === READ_RESULT.other) isOther = true;
			isOver = result === READ_RESULT.over;
			if (result === READ_RESULT.more || isOver) break;
		}
	}
	return { hellos, heads, isOther, isOver, isPending: request.readUInt8(PARSE_REQUEST.isPending) === 1, requests };
}

/**
 * The class of a client's stream for phase http: `read`, `unread`, or `absent` if no server takes it for a request. A
 * request that is incomplete at the end is unread.
 */
export function httpClassOf({ heads, isPending, hellos }: StreamRead): "read" | "unread" | "absent" {
	if (heads.some(({ name }) => name === null) || (isPending && hellos.length === 0)) return "unread";
	return heads.length > 0 ? "read" : "absent";
}

/**
 * The class of a client's stream for phase tls: `unread` if a ClientHello cannot be read, is incomplete at the end, or may
 * begin within something else.
 */
export function tlsClassOf({ hellos, isPending, requests }: StreamRead): "read" | "unread" | "absent" {
	const isHidden = requests.some((request) => request[PARSE_REQUEST.hidesHello] === 1);
	if (isHidden || isPending || hellos.some(({ how }) => how === "broken" || how === "unread")) return "unread";
	return hellos.length > 0 ? "read" : "absent";
}

function headName(request: Buffer): string | null {
	const { name, flags } = requestOf(request, 0);
	return (flags & (REQUEST_FLAG.broken | REQUEST_FLAG.h2c)) === 0 ? name : null;
}

export interface Request {
	readonly method: string;
	readonly name: string;
	readonly path: string;
	readonly flags: number;
	/** Offset of the end of its head in the stream [bytes]. */
	readonly at: number;
}

export interface HttpRead {
	readonly requests: readonly Request[];
	/** The reason for its end: switched, other, broken; or null. */
	readonly end: string | null;
	/** The reason why it is invalid. */
	readonly reason: string;
	readonly isPending: boolean;
	readonly flags: number;
}

/** Parses the requests of an HTTP client, given in pieces. */
export function readHttp(parse: Parse, pieces: readonly Uint8Array[]): HttpRead {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	const requests: Request[] = [];
	const answer = (end: number) => ({
		requests,
		end:
			end === HTTP_RESULT.more ? null : (Object.entries(HTTP_RESULT).find(([, value]) => value === end)?.[0] ?? null),
		reason: httpReasonNames[request.readUInt8(PARSE_REQUEST.http + HTTP_READER.reason)] ?? "unknown",
		isPending: request.readUInt8(PARSE_REQUEST.isPending) === 1,
		flags: request.readUInt32LE(PARSE_REQUEST.text + TEXT.flags),
	});
	let before = 0;
	request.writeUInt8(PARSE_KIND.http, PARSE_REQUEST.kind);
	for (const piece of pieces) {
		request.writeUInt32LE(0, PARSE_REQUEST.at);
		request.writeUInt32LE(piece.length, PARSE_REQUEST.end);
		for (let call = 0; ; call++) {
			if (call > piece.length) throw new Error("the parser does not come to an end");
			parse(request, piece);
			const result = request.readUInt8(PARSE_REQUEST.result);
			if (result === HTTP_RESULT.more) break;
			if (result !== HTTP_RESULT.request) return answer(result);
			requests.push(requestOf(request, before));
		}
		before += piece.length;
	}
	return answer(HTTP_RESULT.more);
}

/** The status of a response; null: absent or incomplete. */
export function readStatus(parse: Parse, pieces: readonly Uint8Array[]): number | null {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	request.writeUInt8(PARSE_KIND.answer, PARSE_REQUEST.kind);
	for (const piece of pieces) {
		request.writeUInt32LE(0, PARSE_REQUEST.at);
		request.writeUInt32LE(piece.length, PARSE_REQUEST.end);
		parse(request, piece);
		if (request.readUInt8(PARSE_REQUEST.result) !== 0) break;
	}
	return request.readUInt16LE(PARSE_REQUEST.text + TEXT.status) || null;
}

/** The ClientHello of a DTLS datagram. */
export function readDtls(parse: Parse, datagram: Uint8Array): Hello {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	request.writeUInt8(PARSE_KIND.dtls, PARSE_REQUEST.kind);
	request.writeUInt32LE(datagram.length, PARSE_REQUEST.end);
	parse(request, datagram);
	return helloOf(request, datagram.length);
}

function requestOf(request: Buffer, before: number): Request {
	const text = request.subarray(PARSE_REQUEST.text, PARSE_REQUEST.text + TEXT.bytes);
	const part = (at: number, lengthAt: number, most: number) =>
		text.toString("latin1", at, at + Math.min(text.readUInt16LE(lengthAt), most));
	return {
		method: part(TEXT.method, TEXT.methodLength, 16),
		name: part(TEXT.name, TEXT.nameLength, 256),
		path: part(TEXT.path, TEXT.pathLength, 256),
		flags: text.readUInt32LE(TEXT.flags),
		at: before + request.readUInt32LE(PARSE_REQUEST.at),
	};
}

function helloOf(request: Buffer, after: number): Hello {
	const text = request.subarray(PARSE_REQUEST.text, PARSE_REQUEST.text + TEXT.bytes);
	const result = request.readUInt8(PARSE_REQUEST.hello);
	const how = Object.entries(HELLO_RESULT).find(([, value]) => value === result)?.[0] ?? `${result}`;
	const length = text.readUInt16LE(TEXT.nameLength);
	const name = how === "named" ? text.toString("latin1", TEXT.name, TEXT.name + Math.min(length, 256)) : null;
	return { name, how, flags: text.readUInt32LE(TEXT.flags), after };
}
