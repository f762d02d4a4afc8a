import { isUnspecified } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import { TIMES } from "../base/config.ts";
import type { AnswerEvent, NamedEvent } from "../native/event-objects.ts";
import { OUTCOME } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";

/** The records of DNS questions that may still get answers. Bounded: the oldest is evicted. */
export class DnsQuestions {
	readonly #waiting = new BoundedMap<string, Connection>(QUESTIONS);
	/** Questions by OUTCOME. One without a response is counted when none can be expected any more. */
	readonly #outcomes: number[] = Array(1 + Math.max(...Object.values(OUTCOME))).fill(0);

	/** A question was sent. */
	add({ cookie, nameHash, queryType, remote }: NamedEvent, record: Connection): void {
		const key = keyOf(cookie, nameHash, queryType, remote);
		const before = this.#waiting.get(key);
		if (before !== undefined) this.#countSilent(before);
		const evicted = this.#waiting.set(key, record);
		if (evicted !== undefined) this.#countSilent(evicted);
	}

	/** Adds outcome and address to the record of the question. `time`: wall clock [ms]. Returns the record; null: unknown. */
	answered({ address, cookie, nameHash, queryType, resolver, outcome }: AnswerEvent, time: number): Connection | null {
		const record = this.#waiting.get(keyOf(cookie, nameHash, queryType, resolver));
		if (record === undefined) return null;
		if (record.outcome === OUTCOME.none) this.#count(outcome);
		record.outcome = outcome;
		record.last = time;
		if (isUnspecified(address)) return record;
		record.addresses ??= [];
		if (record.addresses.length < ADDRESSES && !record.addresses.includes(address)) record.addresses.push(address);
		return record;
	}

	/** Number of questions by OUTCOME, from 1. `now`: wall clock [ms]. */
	outcomes(now: number): readonly number[] {
		for (const [key, record] of this.#waiting.entries()) {
			if (now - record.first < TIMES.dnsResponse) break;
			this.#waiting.delete(key);
			this.#countSilent(record);
		}
		return this.#outcomes;
	}

	#countSilent(record: Connection): void {
		if (record.outcome === OUTCOME.none) this.#count(OUTCOME.none);
	}

	#count(outcome: number): void {
		this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
	}
}

function keyOf(cookie: number, nameHash: number, type: number, resolver: string): string {
	return `${cookie} ${type} ${nameHash} ${resolver}`;
}

const QUESTIONS = 1_024;
/** Addresses kept of one question. */
const ADDRESSES = 16;
