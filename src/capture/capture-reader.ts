import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { BadRecord, type CaptureFormat } from "./format.ts";
import { type CapturedPacket, CaptureError } from "./packet.ts";
import { Pcap } from "./pcap.ts";
import { PcapNg } from "./pcapng.ts";

/** Bytes of a file that are asked for at once. */
const CHUNK = 256 * 1024;
const MAGIC = 4;
const GZIP = 0x1f8b;

/**
 * Reads a capture: pcap or pcapng, also gzip'ed. Calls `take` for each packet, in the order of the file. Throws
 * CaptureError where it cannot go on, after `take` has had all that came before; and what the stream throws.
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
	if (magic.length < MAGIC) throw new CaptureError("this is no pcap or pcapng file: it has no header", 0, 0);
	const decoder = new Decoder(magic, take);
	for await (const chunk of chunks) decoder.push(chunk);
	decoder.end();
}

/** The first bytes, and all of them again. */
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
	/** What is left of the bytes so far, and where in the file it begins. */
	#rest: Buffer = Buffer.alloc(0);
	#offset = 0;
	#packets = 0;
	/** Bytes that the next record needs: joining them only then keeps a large record from being copied at each chunk. */
	#needed = 0;
	#chunks: Buffer[] = [];
	#waiting = 0;

	constructor(magic: Buffer, take: (packet: CapturedPacket) => void) {
		const format = Pcap.recognise(magic) ?? PcapNg.recognise(magic);
		if (format === null) {
			const shown = magic.subarray(0, MAGIC).toString("hex");
			throw new CaptureError(`this is no pcap or pcapng file: it begins with ${shown}`, 0, 0);
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
		const message = `the file ends in the middle of a record: ${left} bytes of ${this.#needed}`;
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
