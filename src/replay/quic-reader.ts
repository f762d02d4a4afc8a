import { PARSE_KIND, PARSE_QUIC, PARSE_REQUEST, QUIC_STEP } from "../native/layout.ts";
import type { Fact, Hello } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

const LONG_HEADER = 0x80;

type Found = (fact: Fact) => void;

/** Reads the QUIC ClientHellos that one side of a UDP flow sends, in any number of datagrams. */
export class QuicReader {
	readonly #request: ParseRequest;
	/** Connections whose hello is incomplete. */
	#incomplete = 0;
	/* Each of these is reported once in a flow. */
	#named = false;
	#unread = false;
	#strange = false;

	/** @param flow number below 2^48, unique among the sides that are read at the same time */
	constructor(parse: Parse, flow: number) {
		this.#request = new ParseRequest(parse, PARSE_KIND.quic);
		const at = PARSE_REQUEST.quic;
		this.#request.buffer.writeUIntLE(flow, at + PARSE_QUIC.cookie, 6);
		this.#request.buffer.writeUInt8(1, at + PARSE_QUIC.isNew);
	}

	/** Whether a datagram may begin with a long header (RFC 9000 17.2). */
	static mayRead(datagram: Buffer): boolean {
		return ((datagram[0] ?? 0) & LONG_HEADER) !== 0;
	}

	/** Throws NativeError if the parser refuses the request. */
	read(datagram: Buffer, found: Found): void {
		if (!QuicReader.mayRead(datagram)) return;
		const request = this.#request;
		request.begin(datagram);
		request.buffer.fill(0, PARSE_REQUEST.quic + PARSE_QUIC.way, PARSE_REQUEST.quic + PARSE_QUIC.isNew);
		// Nearly every step consumes bytes, so the bound is never reached.
		for (let count = 0; count < datagram.length + 16; count++) {
			const step = request.parse(datagram);
			if (step === QUIC_STEP.end) return;
			this.#take(step, found);
		}
		throw new Error("the QUIC parser does not terminate");
	}

	/** Reports an incomplete hello, at the end of the flow. */
	end(found: Found): void {
		if (this.#incomplete > 0) found(nameless("cut", this.#version));
	}

	get #version(): number {
		return this.#request.buffer.readUInt32LE(PARSE_REQUEST.quic + PARSE_QUIC.version);
	}

	#take(step: number, found: Found): void {
		const version = this.#version;
		if (step === QUIC_STEP.half) this.#incomplete++;
		if (step === QUIC_STEP.whole) this.#incomplete--;
		if (step === QUIC_STEP.hello) {
			this.#named = true;
			found({ ...this.#request.hello("quic"), version });
		}
		if (step === QUIC_STEP.unread && !this.#unread) {
			this.#unread = true;
			found(nameless("unread", version));
		}
		// In a flow with a name the kernel drops the datagram only (sp_quic_act in bpf/traffic/quic_flow.h).
		const isStrange = step === QUIC_STEP.broken || (step === QUIC_STEP.strange && !this.#named);
		if (isStrange && !this.#strange) {
			this.#strange = true;
			found(nameless("strange", version));
		}
	}
}

function nameless(how: Hello["how"], version: number): Hello {
	return { kind: "hello", via: "quic", how, name: null, ech: false, version };
}
