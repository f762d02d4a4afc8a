/** The format pcapng: draft-ietf-opsawg-pcapng. A file has sections, each with its own interfaces. */
import { BadRecord, ByteOrder, type CaptureFormat, RECORD_MAX } from "./format.ts";
import type { CapturedPacket } from "./packet.ts";

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const MAGIC = 0x1a2b3c4d;

const END_OF_OPTIONS = 0;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

/** Smallest block: type, length, and the length repeated at the end [bytes]. */
const FRAME = 12;

interface Interface {
	readonly linkType: number;
	/** [bytes]; 0: no limit. */
	readonly snapLength: number;
	readonly ticksPerSecond: bigint;
	/** Added to each time [s]. */
	readonly offset: bigint;
}

type Emit = (packet: Omit<CapturedPacket, "number">) => void;

/** Reader of one pcapng file. */
export class PcapNg implements CaptureFormat {
	#order = new ByteOrder(true);
	#interfaces: Interface[] = [];

	static recognise(magic: Buffer): PcapNg | null {
		return magic.readUInt32LE(0) === SECTION ? new PcapNg() : null;
	}

	read(bytes: Buffer, at: number, emit: Emit): number {
		const have = bytes.length - at;
		if (have < FRAME) return -FRAME;
		// The type of a section block is the same in both byte orders; the word behind its length shows the order.
		const opens = bytes.readUInt32LE(at) === SECTION;
		if (opens) this.#openSection(bytes, at);
		const length = this.#order.u32(bytes, at + 4);
		if (length < FRAME || length % 4 !== 0) throw new BadRecord(`a block has an invalid length of ${length} bytes`);
		if (length > RECORD_MAX) throw new BadRecord(`a block has an invalid length of ${length} bytes`);
		if (have < length) return -length;
		const again = this.#order.u32(bytes, at + length - 4);
		if (again !== length)
			throw new BadRecord(`a block has a length of ${length} bytes at its start and ${again} at its end`);
		if (!opens) this.#block(this.#order.u32(bytes, at), bytes.subarray(at + 8, at + length - 4), emit);
		return length;
	}

	#openSection(bytes: Buffer, at: number): void {
		if (bytes.readUInt32LE(at + 8) === MAGIC) this.#order = new ByteOrder(true);
		else if (bytes.readUInt32BE(at + 8) === MAGIC) this.#order = new ByteOrder(false);
		else throw new BadRecord("a section has no valid byte order");
		this.#interfaces = [];
	}

	#block(type: number, body: Buffer, emit: Emit): void {
		if (type === INTERFACE) this.#interfaces.push(this.#readInterface(body));
		else if (type === ENHANCED_PACKET) this.#packet(body, this.#word(body, 0, "packet"), 20, emit);
		else if (type === OLD_PACKET) {
			if (body.length < 20) throw new BadRecord("a packet block is too short");
			this.#packet(body, this.#order.u16(body, 0), 20, emit);
		} else if (type === SIMPLE_PACKET) {
			const length = this.#word(body, 0, "simple packet");
			const { linkType, snapLength } = this.#interface(0);
			const captured = Math.min(length, body.length - 4, snapLength === 0 ? length : snapLength);
			emit({ time: 0n, linkType, bytes: body.subarray(4, 4 + captured), length });
		}
	}

	/** Interface, time in two words, captured length, length on the wire, bytes. */
	#packet(body: Buffer, interfaceNumber: number, header: number, emit: Emit): void {
		if (body.length < header) throw new BadRecord("a packet block is too short");
		const { linkType, ticksPerSecond, offset } = this.#interface(interfaceNumber);
		const ticks = (BigInt(this.#order.u32(body, 4)) << 32n) | BigInt(this.#order.u32(body, 8));
		const captured = this.#order.u32(body, 12);
		if (captured > body.length - header)
			throw new BadRecord(`a packet of ${captured} bytes is in a block with room for ${body.length - header}`);
		emit({
			time: (ticks * 1_000_000_000n) / ticksPerSecond + offset * 1_000_000_000n,
			linkType,
			bytes: body.subarray(header, header + captured),
			length: Math.max(captured, this.#order.u32(body, 16)),
		});
	}

	#interface(number: number): Interface {
		const found = this.#interfaces[number];
		if (found === undefined)
			throw new BadRecord(`a packet refers to interface ${number}, which the file does not describe`);
		return found;
	}

	#word(body: Buffer, at: number, kind: string): number {
		if (body.length < at + 4) throw new BadRecord(`a ${kind} block is too short`);
		return this.#order.u32(body, at);
	}

	#readInterface(body: Buffer): Interface {
		if (body.length < 8) throw new BadRecord("an interface block is too short");
		let ticksPerSecond = 1_000_000n;
		let offset = 0n;
		for (const [code, value] of this.#options(body.subarray(8))) {
			if (code === IF_TSRESOL && value.length >= 1) {
				const power = value.readUInt8(0);
				ticksPerSecond = (power & 0x80) === 0 ? 10n ** BigInt(power) : 2n ** BigInt(power & 0x7f);
			}
			if (code === IF_TSOFFSET && value.length >= 8) offset = this.#order.i64(value, 0);
		}
		return { linkType: this.#order.u16(body, 0), snapLength: this.#order.u32(body, 4), ticksPerSecond, offset };
	}

	*#options(bytes: Buffer): Generator<readonly [code: number, value: Buffer]> {
		for (let at = 0; at + 4 <= bytes.length; ) {
			const code = this.#order.u16(bytes, at);
			const length = this.#order.u16(bytes, at + 2);
			if (code === END_OF_OPTIONS) return;
			if (at + 4 + length > bytes.length) throw new BadRecord("an option extends beyond its block");
			yield [code, bytes.subarray(at + 4, at + 4 + length)];
			at += 4 + Math.ceil(length / 4) * 4;
		}
	}
}
