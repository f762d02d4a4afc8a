import type { CapturedPacket } from "../capture/packet.ts";
import type { Side } from "../capture/tcp-connections.ts";

/** Two ends that talk: a TCP connection, or a UDP flow. */
export interface Conversation {
	readonly protocol: "tcp" | "udp";
	/** Who opened it; of a capture that lacks its beginning, who spoke first. */
	readonly client: Side;
	readonly server: Side;
}

/** What a packet of a capture showed. */
export type Finding = {
	readonly conversation: Conversation;
	/** The packet that completed it. */
	readonly packet: CapturedPacket;
	/** It was said by the server: roles that the capture's beginning suggested, or a server that asks back. */
	readonly byServer: boolean;
} & What;

export type What =
	| { readonly kind: "open" }
	| Hello
	| Request
	| Message
	/** The capture lacks bytes of a stream; what was half read is given up. */
	| { readonly kind: "gap"; readonly bytes: number }
	/** Nothing more of this conversation comes. */
	| { readonly kind: "close" };

/** A ClientHello. */
export interface Hello {
	readonly kind: "hello";
	readonly via: "tls" | "quic";
	/**
	 * `broken`: it contradicts itself. `cut`: the conversation ended before it did. Of QUIC, `unread`: of a version that cannot be read;
	 * `strange`: packets that no keys of the flow fit, or that contradict earlier ones.
	 */
	readonly how: "named" | "unnamed" | "broken" | "cut" | "unread" | "strange";
	/** As sent; null if there is none. */
	readonly name: string | null;
	/** encrypted_client_hello is there, real or GREASE. */
	readonly ech: boolean;
	/** Of QUIC. */
	readonly version?: number;
}

/** An HTTP request in cleartext. */
export interface Request {
	readonly kind: "request";
	/** 2: HTTP/2 by prior knowledge, which is not read. */
	readonly version: 1 | 2;
	/** Servers may read its head differently: what follows may be half of it. */
	readonly isBroken: boolean;
	readonly method: string;
	readonly path: string;
	/** Host as sent, or what CONNECT asks for; null: none. */
	readonly name: string | null;
}

/** A message of DNS, on port 53. */
export interface Message {
	readonly kind: "message";
	readonly id: number;
	readonly isAnswer: boolean;
	/** Behind what was read it cannot be. */
	readonly isBroken: boolean;
	/** `type`: number of the record's type. */
	readonly questions: readonly { readonly name: string; readonly type: number }[];
	/** Of the answer section, hints of services too. They stand for the first question's name. */
	readonly addresses: readonly LearnedAddress[];
}

export interface LearnedAddress {
	/** Packed (src/base/address.ts). */
	readonly address: string;
	/** Seconds. */
	readonly ttl: number;
}
