import type { SendDatagram } from "./notify.ts";

/** Socket of the native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ */
export const JOURNAL_SOCKET = "/run/systemd/journal/socket";

/** Fields by name (upper case, digits, underscores). A field with null is omitted. */
export type JournalFields = Readonly<Record<string, string | number | null>>;

export interface JournalOptions {
	readonly send: SendDatagram;
	readonly socket?: string;
	/** Entries a second, on average. */
	readonly rate: number;
	/** Burst limit [entries]. */
	readonly burst: number;
	/** Monotonic clock [ms]. */
	readonly now: () => number;
}

/**
 * Writes structured entries to the journal. Entries over the rate are dropped, and the next written entry is preceded
 * by their number.
 */
export class Journal {
	/** Entries that were dropped, because of the rate or because the journal did not accept them. */
	suppressed = 0;
	readonly #o: JournalOptions;
	#tokens: number;
	#filled: number;
	#unreported = 0;

	constructor(options: JournalOptions) {
		this.#o = options;
		this.#tokens = options.burst;
		this.#filled = options.now();
	}

	/** Never blocks and never throws. */
	write(fields: JournalFields): void {
		if (!this.#take()) {
			this.#drop();
			return;
		}
		if (this.#unreported > 0) {
			const count = this.#unreported;
			this.#unreported = 0;
			this.#send({ ...suppressedEntry(count), SYSLOG_IDENTIFIER: fields["SYSLOG_IDENTIFIER"] ?? null });
		}
		this.#send(fields);
	}

	#take(): boolean {
		const now = this.#o.now();
		this.#tokens = Math.min(this.#o.burst, this.#tokens + ((now - this.#filled) / 1000) * this.#o.rate);
		this.#filled = now;
		if (this.#tokens < 1) return false;
		this.#tokens--;
		return true;
	}

	#send(fields: JournalFields): void {
		try {
			this.#o.send(this.#o.socket ?? JOURNAL_SOCKET, encodeEntry(fields));
		} catch {
			this.#drop(); /* journald restarts, or its queue is full. */
		}
	}

	#drop(): void {
		this.suppressed++;
		this.#unreported++;
	}
}

/** An entry in the native protocol: NAME=value, or for a value with a newline the name, the length and the value. */
export function encodeEntry(fields: JournalFields): Buffer {
	const parts: Buffer[] = [];
	for (const [name, value] of Object.entries(fields)) {
		if (value === null) continue;
		const bytes = Buffer.from(String(value));
		if (!bytes.includes(NEWLINE)) {
			parts.push(Buffer.from(`${name}=`), bytes, Buffer.of(NEWLINE));
			continue;
		}
		const length = Buffer.alloc(8);
		length.writeBigUInt64LE(BigInt(bytes.length));
		parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.of(NEWLINE));
	}
	return Buffer.concat(parts);
}

const NEWLINE = 0x0a;

function suppressedEntry(count: number): JournalFields {
	return {
		MESSAGE: `${count} connections were not logged to the journal because of the rate limit`,
		PRIORITY: 4,
		SALLYPORT_SUPPRESSED: count,
	};
}
