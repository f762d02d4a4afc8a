import { BAD_LENGTH, formatAddress, HOST_BITS, PrefixReader, READ_OK, type ReadCode } from "../cidr.ts";
import { addressAndPort } from "../domain.ts";
import type { PrefixSet } from "../model.ts";
import { eachEntry } from "./list-file.ts";

/** The problem of an invalid prefix, as a sentence. */
export interface PrefixMistake {
	readonly message: string;
	readonly suggestion?: string;
}

/** Collects prefixes in typed arrays, which double when they are full. */
export class PrefixBuilder {
	readonly #reader = new PrefixReader();
	#v4 = new Uint32Array(64);
	#v4Length = new Uint8Array(64);
	#v4Count = 0;
	#v6 = new Uint32Array(64);
	#v6Length = new Uint8Array(16);
	#v6Count = 0;

	/** Adds a prefix if the result is READ_OK. */
	addBytes(bytes: Uint8Array, from: number, to: number): ReadCode {
		const reader = this.#reader;
		const code = reader.read(bytes, from, to);
		if (code !== READ_OK) return code;
		if (reader.version === 4) {
			if (this.#v4Count === this.#v4.length) this.#growV4();
			this.#v4[this.#v4Count] = reader.w3;
			this.#v4Length[this.#v4Count++] = reader.length;
		} else {
			if (this.#v6Count === this.#v6Length.length) this.#growV6();
			const at = 4 * this.#v6Count;
			this.#v6[at] = reader.w0;
			this.#v6[at + 1] = reader.w1;
			this.#v6[at + 2] = reader.w2;
			this.#v6[at + 3] = reader.w3;
			this.#v6Length[this.#v6Count++] = reader.length;
		}
		return code;
	}

	/** Adds a prefix. Null: it was valid. */
	add(text: string): PrefixMistake | null {
		const bytes = Buffer.from(text);
		const code = this.addBytes(bytes, 0, bytes.length);
		return code === READ_OK ? null : this.#mistake(text, code);
	}

	/** The collected prefixes, as views of the builder's arrays. Do not use the builder afterwards. */
	build(): PrefixSet {
		return {
			v4: this.#v4.subarray(0, this.#v4Count),
			v4Length: this.#v4Length.subarray(0, this.#v4Count),
			v6: this.#v6.subarray(0, 4 * this.#v6Count),
			v6Length: this.#v6Length.subarray(0, this.#v6Count),
		};
	}

	/** The problem of the prefix that was read last. */
	#mistake(text: string, code: ReadCode): PrefixMistake {
		const reader = this.#reader;
		if (code === HOST_BITS) {
			reader.mask();
			const suggestion = `${formatAddress(reader)}/${reader.length}`;
			return { message: `${text} has host bits set; write ${suggestion}`, suggestion };
		}
		if (code === BAD_LENGTH) {
			const max = reader.version === 4 ? 32 : 128;
			return { message: `"${text}" has an invalid prefix length; IPv${reader.version} allows 0 to ${max}` };
		}
		const remedy = NAME.test(text) ? '; write names under "domain"' : "";
		return { message: `"${text}" ${addressAndPort(text) ?? `is not an IP address or prefix${remedy}`}` };
	}

	#growV4(): void {
		this.#v4 = grown(this.#v4, new Uint32Array(2 * this.#v4.length));
		this.#v4Length = grown(this.#v4Length, new Uint8Array(2 * this.#v4Length.length));
	}

	#growV6(): void {
		this.#v6 = grown(this.#v6, new Uint32Array(2 * this.#v6.length));
		this.#v6Length = grown(this.#v6Length, new Uint8Array(2 * this.#v6Length.length));
	}
}

/** The prefixes of a list file. Invalid entries are reported and skipped. */
export function readPrefixList(
	bytes: Uint8Array,
	report: (line: number, column: number, mistake: PrefixMistake) => void,
): PrefixSet {
	const builder = new PrefixBuilder();
	eachEntry(bytes, (from, to, line, column) => {
		if (builder.addBytes(bytes, from, to) === READ_OK) return;
		const text = Buffer.from(bytes.subarray(from, to)).toString();
		report(line, column, builder.add(text)!);
	});
	return builder.build();
}

function grown<T extends Uint8Array | Uint32Array>(old: T, larger: T): T {
	larger.set(old);
	return larger;
}

/* A name in place of a prefix. */
const NAME = /^(?:\*\*?\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*\.?$/i;
