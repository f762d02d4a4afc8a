/** The messages between the daemon and the process that builds policies. */
import { deserialize, serialize } from "node:v8";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { ListFacts } from "../policy/model.ts";
import type { BuildRequest, Built, LayerRequest } from "./build-policy.ts";
import type { PackedPolicy } from "./packed-policy.ts";

/** Location of list files, see HostEnvironmentOptions. */
export interface ListFolder {
	readonly folder: string;
	readonly within?: string | null;
	/** Lists of the policy in force. */
	readonly before?: readonly ListFacts[];
}

export interface CheckRequest {
	readonly text: string;
	/** The file name in problems. */
	readonly source: string;
}

export type ToPolicyChild =
	| ({ readonly type: "check"; readonly lists: ListFolder } & CheckRequest)
	| { readonly type: "build"; readonly lists: ListFolder; readonly request: BuildRequest }
	| { readonly type: "layer"; readonly request: Omit<LayerRequest, "policy"> & { readonly policy: PackedPolicy } };

export type BuiltElsewhere =
	| Extract<Built, { ok: false }>
	| (Omit<Extract<Built, { ok: true }>, "policy" | "rows"> & { policy: PackedPolicy });

/** The answers by request. The rows of a compiled policy follow as bytes. */
export interface FromPolicyChild {
	readonly check: PolicyCheck;
	readonly build: BuiltElsewhere;
}

/** Begins a line on standard error, followed by the path of the list file that is read next. */
export const READING = "reading ";

/** The bytes of an answer: two lengths, the value, and `rows`. */
export function frame(value: unknown, rows: Uint8Array = new Uint8Array(0)): Uint8Array[] {
	const bytes = serialize(value);
	const lengths = Buffer.alloc(LENGTHS);
	lengths.writeUInt32LE(bytes.length, 0);
	lengths.writeUInt32LE(rows.length, 4);
	return [lengths, bytes, rows];
}

/** Collects the bytes of one answer. */
export class FrameReader {
	readonly #limit: number;
	readonly #lengths = Buffer.alloc(LENGTHS);
	#body: Buffer | null = null;
	#at = 0;

	/** @param limit of the bytes of an answer */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Throws RangeError if the answer is larger than the limit, or than it announces. */
	take(bytes: Buffer): void {
		let rest = bytes;
		if (this.#body === null) {
			rest = bytes.subarray(bytes.copy(this.#lengths, this.#at));
			this.#at += bytes.length - rest.length;
			if (this.#at < LENGTHS) return;
			const size = this.#value + this.#lengths.readUInt32LE(4);
			if (size > this.#limit) throw new RangeError(`an answer of ${size} bytes; the limit is ${this.#limit}`);
			this.#body = Buffer.allocUnsafeSlow(size);
			this.#at = 0;
		}
		if (this.#at + rest.length > this.#body.length) throw new RangeError("an answer longer than it announces");
		this.#at += rest.copy(this.#body, this.#at);
	}

	/** The answer; null: it is not complete. */
	whole(): { readonly value: unknown; readonly rows: Buffer } | null {
		if (this.#body === null || this.#at < this.#body.length) return null;
		return { value: deserialize(this.#body.subarray(0, this.#value)), rows: this.#body.subarray(this.#value) };
	}

	get #value(): number {
		return this.#lengths.readUInt32LE(0);
	}
}

const LENGTHS = 8;
