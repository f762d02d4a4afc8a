/** Capture files made by hand. */

export interface Recorded {
	readonly bytes: Buffer;
	/** [ns] */
	readonly time?: bigint;
	/** Length on the wire; default: the captured length. */
	readonly length?: number;
	/** pcapng: number of the interface. */
	readonly on?: number;
}

export interface PcapOptions {
	readonly bigEndian?: boolean;
	readonly nanoseconds?: boolean;
	readonly linkType?: number;
}

const EPOCH = 1_700_000_000_000_000_000n;

export function pcap(
	packets: readonly Recorded[],
	{ bigEndian = false, nanoseconds = false, linkType = 1 }: PcapOptions = {},
) {
	const write = writer(bigEndian);
	const head = [write.u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4), write.u16(2, 4), write.u32(0, 0, 262_144, linkType)];
	const records = packets.map(({ bytes, time = EPOCH, length = bytes.length }) => {
		const fraction = Number(time % 1_000_000_000n) / (nanoseconds ? 1 : 1000);
		return Buffer.concat([write.u32(Number(time / 1_000_000_000n), fraction, bytes.length, length), bytes]);
	});
	return Buffer.concat([...head, ...records]);
}

export interface PcapNgInterface {
	readonly linkType: number;
	/** Value of the option if_tsresol. */
	readonly resolution?: number;
	/** Seconds, if_tsoffset. */
	readonly offset?: bigint;
}

export function pcapng(
	packets: readonly Recorded[],
	interfaces: readonly PcapNgInterface[],
	bigEndian = false,
): Buffer {
	const write = writer(bigEndian);
	const block = (type: number, body: Buffer) => {
		const filled = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
		const length = write.u32(filled.length + 12);
		return Buffer.concat([write.u32(type), length, filled, length]);
	};
	const section = block(
		0x0a0d0d0a,
		Buffer.concat([write.u32(0x1a2b3c4d), write.u16(1, 0), write.u32(0xffffffff, 0xffffffff)]),
	);
	const described = interfaces.map(({ linkType, resolution, offset }) => {
		const options = [
			...(resolution === undefined ? [] : [write.u16(9, 1), Buffer.from([resolution, 0, 0, 0])]),
			...(offset === undefined ? [] : [write.u16(14, 8), write.i64(offset)]),
		];
		return block(1, Buffer.concat([write.u16(linkType, 0), write.u32(0), ...options, write.u16(0, 0)]));
	});
	const records = packets.map(({ bytes, time = EPOCH, length = bytes.length, on = 0 }) => {
		const { resolution = 6, offset = 0n } = interfaces[on]!;
		const perSecond = (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
		const ticks = ((time - offset * 1_000_000_000n) * perSecond) / 1_000_000_000n;
		const head = write.u32(on, Number(ticks >> 32n), Number(ticks & 0xffff_ffffn), bytes.length, length);
		return block(6, Buffer.concat([head, bytes]));
	});
	return Buffer.concat([section, ...described, ...records]);
}

function writer(bigEndian: boolean) {
	const words = (size: 2 | 4, values: readonly number[]) =>
		Buffer.concat(
			values.map((value) => {
				const word = Buffer.alloc(size);
				if (bigEndian) word.writeUIntBE(value, 0, size);
				else word.writeUIntLE(value, 0, size);
				return word;
			}),
		);
	return {
		u16: (...values: number[]) => words(2, values),
		u32: (...values: number[]) => words(4, values),
		i64(value: bigint) {
			const word = Buffer.alloc(8);
			if (bigEndian) word.writeBigInt64BE(value);
			else word.writeBigInt64LE(value);
			return word;
		},
	};
}
