import type { CapturedPacket } from "../capture/packet.ts";
import type { Side } from "../capture/tcp-connections.ts";

/** A TCP connection or a UDP flow. */
export interface Conversation {
	readonly protocol: "tcp" | "udp";
	/** The side that opened it. If the capture lacks the beginning, the side that sent the first captured packet. */
	readonly client: Side;
	readonly server: Side;
}

/** A fact that a packet of a capture shows. */
export type Finding = {
	readonly conversation: Conversation;
	/** The packet that completed it. */
	readonly packet: CapturedPacket;
	/**
	 * Sent by the server. A hello by the server means that the roles were guessed wrongly, or that the server is a
	 * client too.
	 */
	readonly byServer: boolean;
} & Fact;

export type Fact =
	| { readonly kind: "open" }
	| Hello
	| Request
	| Message
	/** The capture lacks bytes of a stream. An incomplete message is dropped. */
	| { readonly kind: "gap"; readonly bytes: number }
	/** The conversation has ended. */
	| { readonly kind: "close" };

/** A ClientHello. */
export interface Hello {
	readonly kind: "hello";
	readonly via: "tls" | "quic";
	/**
	 * `broken`: it contradicts itself. `cut`: the conversation ended before it. QUIC only, `unread`: its version cannot
	 * be read; `strange`: packets that no key of the flow decrypts, or that contradict earlier ones.
	 */
	readonly how: "named" | "unnamed" | "broken" | "cut" | "unread" | "strange";
	/** As sent; null: it has none. */
	readonly name: string | null;
	/** It has encrypted_client_hello, real or GREASE. */
	readonly ech: boolean;
	/** QUIC version. */
	readonly version?: number;
}

/** An HTTP request in cleartext. */
export interface Request {
	readonly kind: "request";
	/** 2: HTTP/2 with prior knowledge (RFC 9113 3.3), whose requests are not read. */
	readonly version: 1 | 2;
	/** Servers may interpret its head differently, so the fields below may be incomplete. */
	readonly isBroken: boolean;
	readonly method: string;
	readonly path: string;
	/** Host as sent, or the target of CONNECT; null: none. */
	readonly name: string | null;
}

/** A DNS message on port 53. */
export interface Message {
	readonly kind: "message";
	readonly id: number;
	readonly isAnswer: boolean;
	/** The message is unreadable after the parts below. */
	readonly isBroken: boolean;
	/** `type`: QTYPE. */
	readonly questions: readonly { readonly name: string; readonly type: number }[];
	/**
	 * Of the answer section, including address hints of SVCB and HTTPS records. They belong to the name of the first
	 * question.
	 */
	readonly addresses: readonly LearnedAddress[];
}

export interface LearnedAddress {
	/** Packed (src/base/address.ts). */
	readonly address: string;
	/** [s] */
	readonly ttl: number;
}
