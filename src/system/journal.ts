import type { SendDatagram } from "./notify.ts";

/** The native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ */
export const JOURNAL_SOCKET = "/run/systemd/journal/socket";

/** By name: upper case, digits and underscores; null is left out. */
export type JournalFields = Readonly<Record<string, string | number | null>>;

export interface JournalOptions {
	readonly send: SendDatagram;
	readonly socket?: string;
	/** Entries a second in the long run, and at once. */
	readonly rate: number;
	readonly burst: number;
	/** ms, monotonic. */
	readonly now: () => number;
}

/** Entries with fields of their own. More than the rate are counted, and the next entry that goes out is told before by their number. */
export class Journal {
	/** Entries that were left out: for the rate, or because the journal would not take them. */
	suppressed = 0;
	readonly #o: JournalOptions;
	#tokens: number;
	#filled: number;
	#untold = 0;

	constructor(options: JournalOptions) {
		this.#o = options;
		this.#tokens = options.burst;
		this.#filled = options.now();
	}

	write(fields: JournalFields): void {
		if (!this.#take()) {
			this.#leaveOut();
			return;
		}
		if (this.#untold > 0) {
			const count = this.#untold;
			this.#untold = 0;
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
			this.#leaveOut(); /* journald restarts, or has too much to read: nobody waits for it */
		}
	}

	#leaveOut(): void {
		this.suppressed++;
		this.#untold++;
	}
}

/** A value with a newline goes with its length in front, any other as NAME=value. */
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
		MESSAGE: `${count} connections were left out of the journal: there were too many at once`,
		PRIORITY: 4,
		SALLYPORT_SUPPRESSED: count,
	};
}
