import type { CapturedPacket } from "./packet.ts";

/** A format of capture files, as a reader of records from chunks of bytes. */
export interface CaptureFormat {
	/**
	 * Reads the record at `at`. Returns its length [bytes], or a negative number: the bytes needed before it can be
	 * read. Throws BadRecord if it is invalid.
	 */
	read(bytes: Buffer, at: number, emit: (packet: Omit<CapturedPacket, "number">) => void): number;
}

/** An invalid record. The caller adds its offset. */
export class BadRecord extends Error {}

/** Largest record [bytes]. Wireshark accepts packets of 256 KiB, and of 128 MiB for USB. */
export const RECORD_MAX = 128 * 1024 * 1024;

/** Reads integers in the byte order of a file. */
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
