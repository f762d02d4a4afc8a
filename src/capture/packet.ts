/** What a capture file holds, packet by packet. */
export interface CapturedPacket {
	/** From 1, in the order of the file, as Wireshark counts. */
	readonly number: number;
	/** Nanoseconds since 1970; 0n where the file has no time for it. */
	readonly time: bigint;
	/** LINKTYPE_ number (https://www.tcpdump.org/linktypes.html). */
	readonly linkType: number;
	/** What was captured of it: a view of the reader's buffer, valid for good. */
	readonly bytes: Buffer;
	/** Bytes that it had on the wire. */
	readonly length: number;
}

/** Why a capture cannot be read (further). What was read before stays good. */
export class CaptureError extends Error {
	/** Byte of the file where the trouble begins. */
	readonly offset: number;
	/** Packets that were read before. */
	readonly packets: number;

	constructor(message: string, offset: number, packets: number) {
		super(`${message} (byte ${offset}, after ${packets} ${packets === 1 ? "packet" : "packets"})`);
		this.name = "CaptureError";
		this.offset = offset;
		this.packets = packets;
	}
}
