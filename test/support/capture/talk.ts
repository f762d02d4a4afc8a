/** The packets of a TCP connection, as in a capture. */
import { ETHER, ethernet, IP, ip, TCP_FLAGS, tcp } from "./packets.ts";

export interface Ends {
	readonly client: string;
	readonly clientPort: number;
	readonly server: string;
	readonly serverPort: number;
}

export const ENDS: Ends = { client: "192.0.2.10", clientPort: 40_000, server: "198.51.100.20", serverPort: 443 };

const CLIENT_START = 0xffff_ff00;
const SERVER_START = 5_000;

/** Generates the packets of one connection, each an Ethernet frame. The client's sequence numbers soon pass 2^32. */
export class Talk {
	readonly ends: Ends;

	constructor(ends: Partial<Ends> = {}) {
		this.ends = { ...ENDS, ...ends };
	}

	/** SYN, SYN/ACK, ACK. */
	open(): Buffer[] {
		return [
			this.packet("client", 0, Buffer.alloc(0), TCP_FLAGS.syn),
			this.packet("server", 0, Buffer.alloc(0), TCP_FLAGS.syn | TCP_FLAGS.ack, 1),
			this.packet("client", 1, Buffer.alloc(0), TCP_FLAGS.ack, 1),
		];
	}

	/** `at`: offset of the first byte in this side's stream. */
	say(who: "client" | "server", at: number, bytes: Buffer, heard = 0): Buffer {
		return this.packet(who, at + 1, bytes, TCP_FLAGS.ack, heard + 1);
	}

	/** `number`, `heard`: relative to the initial sequence numbers. */
	packet(who: "client" | "server", number: number, bytes: Buffer, flags: number, heard = 0): Buffer {
		const { client, clientPort, server, serverPort } = this.ends;
		const [start, other] = who === "client" ? [CLIENT_START, SERVER_START] : [SERVER_START, CLIENT_START];
		const [from, to] = who === "client" ? [client, server] : [server, client];
		const [fromPort, toPort] = who === "client" ? [clientPort, serverPort] : [serverPort, clientPort];
		const acknowledged = (flags & TCP_FLAGS.ack) === 0 ? 0 : other + heard;
		const segment = tcp({ fromPort, toPort, sequence: start + number, acknowledged, flags }, bytes);
		return ethernet(from.includes(":") ? ETHER.ipv6 : ETHER.ipv4, ip({ from, to, protocol: IP.tcp }, segment));
	}
}

/** Pieces of these lengths, and the rest. */
export function cut(bytes: Buffer, ...lengths: number[]): Buffer[] {
	const pieces: Buffer[] = [];
	let at = 0;
	for (const length of lengths) {
		pieces.push(bytes.subarray(at, at + length));
		at += length;
	}
	return [...pieces, bytes.subarray(at)].filter((piece) => piece.length > 0);
}
