/** A packet of a capture file. */
export interface CapturedPacket {
	/** From 1, in the order of the file, as in Wireshark. */
	readonly number: number;
	/** Since 1970 [ns]; 0n: the file has no time for it. */
	readonly time: bigint;
	/** LINKTYPE_ number (https://www.tcpdump.org/linktypes.html). */
	readonly linkType: number;
	/** The captured bytes: a view of a buffer that is not reused. */
	readonly bytes: Buffer;
	/** Length on the wire [bytes]. */
	readonly length: number;
}

/** A capture cannot be read further. The packets before the error are valid. */
export class CaptureError extends Error {
	/** Offset of the unreadable record in the file [bytes]. */
	readonly offset: number;
	/** Packets read before it. */
	readonly packets: number;

	constructor(message: string, offset: number, packets: number) {
		super(`${message} (byte ${offset}, after ${packets} ${packets === 1 ? "packet" : "packets"})`);
		this.name = "CaptureError";
		this.offset = offset;
		this.packets = packets;
	}
}
