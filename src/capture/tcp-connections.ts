import type { Packed } from "../base/address.ts";
import type { Segment } from "./dissector.ts";
import type { CapturedPacket } from "./packet.ts";
import { Stream } from "./tcp-stream.ts";

export interface Side {
	readonly address: Packed;
	readonly port: number;
}

/** Receives the data of a connection in order. */
export interface ConnectionHandler {
	/** @param lost bytes in front of these that the capture lacks */
	received(by: 0 | 1, bytes: Buffer, packet: CapturedPacket, lost: number): void;
	/** Called at the end of the capture, or before the next connection with the same addresses and ports. */
	ended(): void;
}

/** `sides[0]` opened the connection, or sent the first captured segment. */
export type OnConnection = (sides: readonly [Side, Side], first: CapturedPacket) => ConnectionHandler;

/** The TCP connections of a capture, each with its two directions in order. */
export class Connections {
	readonly #open = new Map<string, Connection>();
	readonly #onConnection: OnConnection;

	constructor(onConnection: OnConnection) {
		this.#onConnection = onConnection;
	}

	take(segment: Segment): void {
		const source = `${segment.source}${segment.sourcePort}`;
		const destination = `${segment.destination}${segment.destinationPort}`;
		const key = source < destination ? `${source} ${destination}` : `${destination} ${source}`;
		let connection = this.#open.get(key);
		if (connection === undefined || connection.isReplacedBy(segment)) {
			connection?.end();
			connection = new Connection(segment, this.#onConnection);
			this.#open.set(key, connection);
		}
		connection.take(segment);
	}

	end(): void {
		for (const connection of this.#open.values()) connection.end();
		this.#open.clear();
	}
}

class Connection {
	readonly #opener: Side;
	readonly #handler: ConnectionHandler;
	readonly #streams: readonly [Stream, Stream];

	constructor(first: Segment, onConnection: OnConnection) {
		const source = { address: first.source, port: first.sourcePort };
		const destination = { address: first.destination, port: first.destinationPort };
		// The capture lacks the SYN that this segment acknowledges.
		const sides: [Side, Side] = first.syn && first.ack ? [destination, source] : [source, destination];
		this.#opener = sides[0];
		const handler = onConnection(sides, first.packet);
		this.#handler = handler;
		this.#streams = [
			new Stream((bytes, packet, lost) => handler.received(0, bytes, packet, lost)),
			new Stream((bytes, packet, lost) => handler.received(1, bytes, packet, lost)),
		];
	}

	/** A SYN with another sequence number opens a new connection; a retransmitted one does not. */
	isReplacedBy(segment: Segment): boolean {
		if (!segment.syn || segment.ack) return false;
		const { initial } = this.#streams[this.#sideOf(segment)];
		return initial === null || initial !== segment.sequence;
	}

	take(segment: Segment): void {
		const side = this.#sideOf(segment);
		const [own, other] = [this.#streams[side], this.#streams[side === 0 ? 1 : 0]];
		// The sequence number of a reset is arbitrary, and its payload is not part of the stream (RFC 9293 3.5.3).
		if (segment.rst) return;
		own.take(segment);
		if (segment.ack) {
			if (segment.syn) other.begin((segment.acknowledged - 1) >>> 0);
			other.acknowledge(segment.acknowledged);
		}
		own.tick();
		other.tick();
	}

	end(): void {
		for (const stream of this.#streams) stream.end();
		this.#handler.ended();
	}

	#sideOf({ source, sourcePort }: Segment): 0 | 1 {
		return source === this.#opener.address && sourcePort === this.#opener.port ? 0 : 1;
	}
}
