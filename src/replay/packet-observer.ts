import { type Datagram, Dissector } from "../capture/dissector.ts";
import type { CapturedPacket } from "../capture/packet.ts";
import { Connections, type Side } from "../capture/tcp-connections.ts";
import { DNS_PORT } from "../native/layout.ts";
import { MessageStream, readMessage } from "./dns-reader.ts";
import type { Conversation, Fact, Finding } from "./finding.ts";
import type { Parse } from "./kernel-parsers.ts";
import { QuicReader } from "./quic-reader.ts";
import { StreamReader } from "./stream-reader.ts";

/** UDP flows that are followed at a time. The one idle for the longest time is closed first. */
const FLOWS_MAX = 65_536;

/** Follows the conversations of a capture and reports the findings of the parsers, in the order of the packets. */
export class PacketObserver {
	readonly #parse: Parse;
	readonly #found: (finding: Finding) => void;
	readonly #dissector: Dissector;
	readonly #connections: Connections;
	readonly #flows = new Map<string, Flow>();
	#sides = 0;

	constructor(parse: Parse, found: (finding: Finding) => void) {
		this.#parse = parse;
		this.#found = found;
		this.#connections = new Connections((sides, first) => this.#connection(sides, first));
		this.#dissector = new Dissector({
			segment: (segment) => this.#connections.take(segment),
			datagram: (datagram) => this.#datagram(datagram),
			beginning: (datagram) => {
				const { conversation } = this.#flow(datagram);
				this.#report(
					conversation,
					datagram.packet,
					{ kind: "gap", bytes: 0 },
					this.#isByServer(conversation, datagram),
				);
			},
		});
	}

	take(packet: CapturedPacket): void {
		this.#dissector.take(packet);
	}

	/** Reports the incomplete messages and closes all conversations, at the end of the capture. */
	end(): void {
		this.#dissector.end();
		this.#connections.end();
		for (const flow of this.#flows.values()) this.#close(flow);
		this.#flows.clear();
	}

	/** Number of packets by link type, for types that are not supported. */
	get unknownLinks(): ReadonlyMap<number, number> {
		return this.#dissector.unknownLinks;
	}

	#connection([client, server]: readonly [Side, Side], first: CapturedPacket) {
		const conversation: Conversation = { protocol: "tcp", client, server };
		const readers = [new StreamReader(this.#parse), new StreamReader(this.#parse)] as const;
		const isDns = client.port === DNS_PORT || server.port === DNS_PORT;
		const messages = isDns ? ([new MessageStream(), new MessageStream()] as const) : null;
		let last = first;
		this.#report(conversation, first, { kind: "open" });
		return {
			received: (by: 0 | 1, bytes: Buffer, packet: CapturedPacket, lost: number) => {
				last = packet;
				if (lost > 0) this.#report(conversation, packet, { kind: "gap", bytes: lost }, by === 1);
				readers[by].read(bytes, lost, (fact) => this.#report(conversation, packet, fact, by === 1));
				messages?.[by].read(bytes, lost, (message) => this.#message(conversation, packet, message, by === 1));
			},
			ended: () => {
				for (const [by, reader] of readers.entries())
					reader.end((fact) => this.#report(conversation, last, fact, by === 1));
				this.#report(conversation, last, { kind: "close" });
			},
		};
	}

	#datagram(datagram: Datagram): void {
		const { packet, payload, sourcePort, destinationPort } = datagram;
		const flow = this.#flow(datagram);
		flow.last = packet;
		const { conversation } = flow;
		const byServer = this.#isByServer(conversation, datagram);
		if (sourcePort === DNS_PORT || destinationPort === DNS_PORT) this.#message(conversation, packet, payload, byServer);
		else if (QuicReader.mayRead(payload))
			this.#quic(flow, byServer).read(payload, (fact) => {
				// The keys of a server's Initial packets differ, so they cannot be decrypted as a client's.
				if (!byServer || fact.kind !== "hello" || fact.how === "named" || fact.how === "unnamed")
					this.#report(conversation, packet, fact, byServer);
			});
	}

	#quic(flow: Flow, byServer: boolean): QuicReader {
		const by = byServer ? 1 : 0;
		flow.quic[by] ??= new QuicReader(this.#parse, this.#sides++);
		return flow.quic[by];
	}

	#isByServer({ client }: Conversation, { source, sourcePort }: Datagram): boolean {
		return source !== client.address || sourcePort !== client.port;
	}

	#message(conversation: Conversation, packet: CapturedPacket, bytes: Buffer, byServer: boolean): void {
		const message = readMessage(this.#parse, bytes);
		if (message !== null) this.#report(conversation, packet, message, byServer);
	}

	#flow({ source, sourcePort, destination, destinationPort, packet }: Datagram): Flow {
		const [from, to] = [`${source}${sourcePort}`, `${destination}${destinationPort}`];
		const key = from < to ? `${from} ${to}` : `${to} ${from}`;
		let flow = this.#flows.get(key);
		if (flow === undefined) {
			const ends = [
				{ address: source, port: sourcePort },
				{ address: destination, port: destinationPort },
			] as const;
			// The capture lacks the question of this answer.
			const isAnswer = sourcePort === DNS_PORT && destinationPort !== DNS_PORT;
			const [client, server] = isAnswer ? [ends[1], ends[0]] : ends;
			flow = { conversation: { protocol: "udp", client, server }, last: packet, quic: [null, null] };
			this.#report(flow.conversation, packet, { kind: "open" });
		}
		this.#flows.delete(key);
		this.#flows.set(key, flow);
		if (this.#flows.size > FLOWS_MAX) this.#closeOldest();
		return flow;
	}

	#closeOldest(): void {
		const [key, flow] = this.#flows.entries().next().value!;
		this.#flows.delete(key);
		this.#close(flow);
	}

	#close({ conversation, last, quic }: Flow): void {
		for (const [by, reader] of quic.entries()) reader?.end((fact) => this.#report(conversation, last, fact, by === 1));
		this.#report(conversation, last, { kind: "close" });
	}

	#report(conversation: Conversation, packet: CapturedPacket, fact: Fact, byServer = false): void {
		this.#found({ conversation, packet, byServer, ...fact });
	}
}

interface Flow {
	readonly conversation: Conversation;
	last: CapturedPacket;
	/** Readers of the client's and of the server's datagrams. */
	readonly quic: [QuicReader | null, QuicReader | null];
}
