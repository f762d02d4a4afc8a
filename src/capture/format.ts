import type { CapturedPacket } from "./packet.ts";

/** A format of capture files: reads one record after another of bytes that come in pieces. */
export interface CaptureFormat {
	/**
	 * Reads the record that begins at `at`. Returns its length in bytes, or how many there must be before it can be
	 * read, as a negative number. Throws BadRecord if it cannot be.
	 */
	read(bytes: Buffer, at: number, emit: (packet: Omit<CapturedPacket, "number">) => void): number;
}

/** A record that contradicts itself; who reads the file adds the place. */
export class BadRecord extends Error {}

/** Most bytes of a record: what Wireshark reads of one packet is 256 KiB, of USB 128 MiB. */
export const RECORD_MAX = 128 * 1024 * 1024;

export class ByteOrder {
	readonly #little: boolean;

	constructor(little: boolean) {
		this.#little = little;
	}

	u16(bytes: Buffer, at: number): number {
		return this.#little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
	}

	u32(bytes: Buffer, at: number): number {
		return this.#little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
	}

	i64(bytes: Buffer, at: number): bigint {
		return this.#little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at);
	}
}
