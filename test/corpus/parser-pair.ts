/** Runs each request in the kernel's parser and in the user-space build, and reports every difference. */
import type { Addon, Kernel } from "../../src/native/binding.ts";
import { PARSE_KIND, PARSE_QUIC, PARSE_REQUEST } from "../../src/native/layout.ts";
import type { Parse } from "../../src/replay/kernel-parsers.ts";
import { PIECE_MAX } from "../../src/replay/stream-reader.ts";

export interface Both {
	readonly parse: Parse;
	/** Number of requests so far. */
	readonly asked: () => number;
	/** Requests with more bytes than one kernel run takes, and all that follow on the same state: user space only. */
	readonly tooLong: () => number;
}

export class KernelDiffers extends Error {}

export function inBoth(addon: Pick<Addon, "parse">, kernel: Pick<Kernel, "testRun">): Both {
	let asked = 0;
	let tooLong = 0;
	/** QUIC flows of which the kernel parser lacks a datagram. */
	const alone = new Set<bigint>();
	const parse: Parse = (request, bytes) => {
		const flow = flowOf(request);
		if (flow !== null && isNew(request)) alone.delete(flow);
		if (flow !== null && bytes.length > PIECE_MAX) alone.add(flow);
		if (bytes.length > PIECE_MAX || (flow !== null && alone.has(flow))) {
			addon.parse(request, bytes);
			tooLong++;
			return;
		}
		asked++;
		const { retval, data } = kernel.testRun("parse", Buffer.concat([request, bytes]), 1);
		const before = Buffer.from(request);
		if (retval !== 0) throw new KernelDiffers(`the program parse returned ${retval}: ${shown(before, bytes)}`);
		addon.parse(request, bytes);
		const at = firstDifference(request, data.subarray(0, PARSE_REQUEST.bytes));
		if (at !== null) throw new KernelDiffers(`byte ${at} of the answer differs: ${shown(before, bytes)}`);
	};
	return { parse, asked: () => asked, tooLong: () => tooLong };
}

/** The state that a parser keeps between requests is identified by this number. */
function flowOf(request: Buffer): bigint | null {
	if (request.readUInt8(PARSE_REQUEST.kind) !== PARSE_KIND.quic) return null;
	return request.readBigUInt64LE(PARSE_REQUEST.quic + PARSE_QUIC.cookie);
}

function isNew(request: Buffer): boolean {
	return request.readUInt8(PARSE_REQUEST.quic + PARSE_QUIC.isNew) !== 0;
}

function shown(request: Buffer, bytes: Buffer): string {
	return `request ${request.toString("hex")}, bytes ${bytes.toString("hex")}`;
}

function firstDifference(a: Buffer, b: Buffer): number | null {
	if (a.equals(b)) return null;
	return [...a].findIndex((byte, at) => byte !== b[at]);
}
