import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { BadRecord, type CaptureFormat } from "./format.ts";
import { type CapturedPacket, CaptureError } from "./packet.ts";
import { Pcap } from "./pcap.ts";
import { PcapNg } from "./pcapng.ts";

/** Size of a read [bytes]. */
const CHUNK = 256 * 1024;
const MAGIC = 4;
const GZIP = 0x1f8b;

/**
 * Reads a capture in pcap or pcapng format, also compressed with gzip, and calls `take` for each packet in the order of
 * the file. Throws CaptureError at the first unreadable record, after `take` was called for the packets before it, and
 * the errors of the stream.
 */
export async function readCapture(input: Readable, take: (packet: CapturedPacket) => void): Promise<void> {
	const { magic, rest } = await peek(input);
	if (magic.length >= 2 && magic.readUInt16BE(0) === GZIP) {
		const unzipped = await peek(gunzip(rest));
		return decode(unzipped.magic, unzipped.rest, take);
	}
	return decode(magic, rest, take);
}

async function decode(magic: Buffer, chunks: AsyncIterable<Buffer>, take: (packet: CapturedPacket) => void) {
	if (magic.length < MAGIC) throw new CaptureError("not a pcap or pcapng file: it has no header", 0, 0);
	const decoder = new Decoder(magic, take);
	for await (const chunk of chunks) decoder.push(chunk);
	decoder.end();
}

/** The first bytes, and a stream that begins with them. */
async function peek(input: Readable): Promise<{ readonly magic: Buffer; readonly rest: AsyncIterable<Buffer> }> {
	const chunks = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
	let head: Buffer = Buffer.alloc(0);
	while (head.length < MAGIC) {
		const { done, value } = await chunks.next();
		if (done === true) break;
		head = Buffer.concat([head, value]);
	}
	async function* rest(): AsyncGenerator<Buffer> {
		yield head;
		for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
	}
	return { magic: head.subarray(0, MAGIC), rest: rest() };
}

/** The stream reports the errors of opening the file. */
export function openCapture(file: string): Readable {
	return createReadStream(file, { highWaterMark: CHUNK });
}

function gunzip(chunks: AsyncIterable<Buffer>): Readable {
	const unzipped = createGunzip({ chunkSize: CHUNK });
	const zipped = Readable.from(chunks);
	zipped.on("error", (error) => unzipped.destroy(error));
	return zipped.pipe(unzipped);
}

class Decoder {
	readonly #format: CaptureFormat;
	readonly #take: (packet: CapturedPacket) => void;
	/** Bytes not decoded yet, and their offset in the file. */
	#rest: Buffer = Buffer.alloc(0);
	#offset = 0;
	#packets = 0;
	/**
	 * Size of the next record. Chunks are joined only when it is complete, so that a large record is not copied with
	 * each chunk.
	 */
	#needed = 0;
	#chunks: Buffer[] = [];
	#waiting = 0;

	constructor(magic: Buffer, take: (packet: CapturedPacket) => void) {
		const format = Pcap.recognise(magic) ?? PcapNg.recognise(magic);
		if (format === null) {
			const shown = magic.subarray(0, MAGIC).toString("hex");
			throw new CaptureError(`not a pcap or pcapng file: it begins with ${shown}`, 0, 0);
		}
		this.#format = format;
		this.#take = take;
	}

	push(chunk: Buffer): void {
		this.#chunks.push(chunk);
		this.#waiting += chunk.length;
		if (this.#rest.length + this.#waiting < this.#needed) return;
		const bytes =
			this.#rest.length + this.#waiting === chunk.length ? chunk : Buffer.concat([this.#rest, ...this.#chunks]);
		this.#chunks = [];
		this.#waiting = 0;
		let at = 0;
		while (at < bytes.length) {
			const length = this.#read(bytes, at);
			if (length < 0) {
				this.#needed = -length;
				break;
			}
			at += length;
		}
		if (at === bytes.length) this.#needed = 0;
		this.#rest = bytes.subarray(at);
		this.#offset += at;
	}

	end(): void {
		const left = this.#rest.length + this.#waiting;
		if (left === 0) return;
		const message = `the file ends inside a record, with ${left} of its ${this.#needed} bytes`;
		throw new CaptureError(message, this.#offset, this.#packets);
	}

	#read(bytes: Buffer, at: number): number {
		try {
			return this.#format.read(bytes, at, (packet) => {
				this.#packets++;
				this.#take({ number: this.#packets, ...packet });
			});
		} catch (error) {
			if (!(error instanceof BadRecord)) throw error;
			throw new CaptureError(error.message, this.#offset + at, this.#packets);
		}
	}
}
