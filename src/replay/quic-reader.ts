import { PARSE_KIND, PARSE_QUIC, PARSE_REQUEST, QUIC_STEP } from "../native/layout.ts";
import type { Hello, What } from "./finding.ts";
import { type Parse, ParseRequest } from "./kernel-parsers.ts";

const LONG_HEADER = 0x80;

type Found = (what: What) => void;

/** Reads what one side of a UDP flow says: hellos of QUIC, in any number of datagrams. */
export class QuicReader {
	readonly #request: ParseRequest;
	#half = 0;
	/** A flow is judged by what it names; what cannot be read is told once. */
	#named = false;
	#unread = false;
	#strange = false;

	/** `flow`: the number of this side of this flow, below 2^48. No other that is read at the same time has it. */
	constructor(parse: Parse, flow: number) {
		this.#request = new ParseRequest(parse, PARSE_KIND.quic);
		const at = PARSE_REQUEST.quic;
		this.#request.buffer.writeUIntLE(flow, at + PARSE_QUIC.cookie, 6);
		this.#request.buffer.writeUInt8(1, at + PARSE_QUIC.isNew);
	}

	/** Might it be for a QuicReader? */
	static isDue(datagram: Buffer): boolean {
		return ((datagram[0] ?? 0) & LONG_HEADER) !== 0;
	}

	read(datagram: Buffer, found: Found): void {
		if (!QuicReader.isDue(datagram)) return;
		const request = this.#request;
		request.begin(datagram);
		request.buffer.fill(0, PARSE_REQUEST.quic + PARSE_QUIC.way, PARSE_REQUEST.quic + PARSE_QUIC.isNew);
		// Each answer but a few has read on.
		for (let answer = 0; answer < datagram.length + 16; answer++) {
			const step = request.ask(datagram);
			if (step === QUIC_STEP.end) return;
			this.#take(step, found);
		}
		throw new Error("the parser does not come to an end");
	}

	/** The flow ended. */
	end(found: Found): void {
		if (this.#half > 0) found(nameless("cut", this.#version));
	}

	get #version(): number {
		return this.#request.buffer.readUInt32LE(PARSE_REQUEST.quic + PARSE_QUIC.version);
	}

	#take(step: number, found: Found): void {
		const version = this.#version;
		if (step === QUIC_STEP.half) this.#half++;
		if (step === QUIC_STEP.whole) this.#half--;
		if (step === QUIC_STEP.hello) {
			this.#named = true;
			found({ ...this.#request.hello("quic"), version });
		}
		if (step === QUIC_STEP.unread && !this.#unread) {
			this.#unread = true;
			found(nameless("unread", version));
		}
		// Of a flow with a name, the datagram is lost and the flow lives on (sp_quic_act in bpf/traffic/quic_flow.h).
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
