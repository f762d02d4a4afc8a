/** The format pcap: draft-ietf-opsawg-pcap, and Alexey Kuznetzov's variant with longer record headers. */
import { BadRecord, ByteOrder, type CaptureFormat, RECORD_MAX } from "./format.ts";
import type { CapturedPacket } from "./packet.ts";

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Nanoseconds of a tick and extra bytes of a record header, by magic number. */
const VARIANTS: Readonly<Record<number, { readonly tick: bigint; readonly extra: number }>> = {
	2712847316: { tick: 1000n, extra: 0 }, // a1b2c3d4: microseconds
	2712812621: { tick: 1n, extra: 0 }, // a1b23c4d: nanoseconds
	2712849716: { tick: 1000n, extra: 8 }, // a1b2cd34: Kuznetzov's
};

/** Reader of one pcap file. */
export class Pcap implements CaptureFormat {
	readonly #order: ByteOrder;
	readonly #tick: bigint;
	readonly #header: number;
	#linkType: number | null = null;

	private constructor(order: ByteOrder, tick: bigint, extra: number) {
		this.#order = order;
		this.#tick = tick;
		this.#header = RECORD_HEADER + extra;
	}

	/** Null: the first four bytes are not of this format. */
	static recognise(magic: Buffer): Pcap | null {
		for (const little of [true, false]) {
			const order = new ByteOrder(little);
			const variant = VARIANTS[order.u32(magic, 0)];
			if (variant !== undefined) return new Pcap(order, variant.tick, variant.extra);
		}
		return null;
	}

	read(bytes: Buffer, at: number, emit: (packet: Omit<CapturedPacket, "number">) => void): number {
		const have = bytes.length - at;
		if (this.#linkType === null) {
			if (have < FILE_HEADER) return -FILE_HEADER;
			// The upper bits are the length of a frame check sequence.
			this.#linkType = this.#order.u32(bytes, at + 20) & 0x03ff_ffff;
			return FILE_HEADER;
		}
		if (have < this.#header) return -this.#header;
		const captured = this.#order.u32(bytes, at + 8);
		if (captured > RECORD_MAX) throw new BadRecord(`a record has an invalid length of ${captured} bytes`);
		const whole = this.#header + captured;
		if (have < whole) return -whole;
		const seconds = BigInt(this.#order.u32(bytes, at));
		emit({
			time: seconds * 1_000_000_000n + BigInt(this.#order.u32(bytes, at + 4)) * this.#tick,
			linkType: this.#linkType,
			bytes: bytes.subarray(at + this.#header, at + whole),
			length: Math.max(captured, this.#order.u32(bytes, at + 12)),
		});
		return whole;
	}
}
