import type { Asker } from "../records/contract.ts";
import { ReaderLink, type ReaderOptions } from "./reader-link.ts";
import type { Operation, Requests } from "./requests.ts";

/**
 * The threads that read: one for those who are first and for the daemon itself, and two of lower priority for the others, so
 * that a heavy query delays neither.
 */
export class Readers {
	readonly #first: ReaderLink;
	readonly #others: readonly ReaderLink[];

	constructor(options: Omit<ReaderOptions, "nice">) {
		this.#first = new ReaderLink({ ...options, nice: 0 });
		this.#others = Array.from({ length: OTHERS }, () => new ReaderLink({ ...options, nice: NICE }));
	}

	/** As ReaderLink.query(). */
	query<K extends Operation>({ isFirst, signal }: Asker, operation: K, query: Requests[K][0]): Promise<Requests[K][1]> {
		const link = isFirst ? this.#first : this.#others.reduce((best, each) => (each.length < best.length ? each : best));
		return link.query(operation, query, signal);
	}

	reopen(): void {
		for (const each of [this.#first, ...this.#others]) each.reopen();
	}

	async close(): Promise<void> {
		await Promise.all([this.#first, ...this.#others].map((each) => each.close()));
	}
}

/** As many as queries of others run at a time: LIMITS.queries. */
const OTHERS = 2;
/** As of nice(1). */
const NICE = 10;
