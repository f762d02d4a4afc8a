import { isMapped } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import { QUERY_TYPE } from "../base/dns.ts";
import type { AnswerEvent, NamedEvent } from "../native/event-objects.ts";
import type { Connection } from "../records/connection.ts";

/** The records of DNS questions that may still get answers. Bounded: the oldest is evicted. */
export class DnsQuestions {
	readonly #waiting = new BoundedMap<string, Connection>(QUESTIONS);

	/** A question was sent. */
	add({ cookie, nameHash, queryType }: NamedEvent, record: Connection): void {
		this.#waiting.set(keyOf(cookie, nameHash, queryType), record);
	}

	/** Adds the address to the record of its question. `time`: wall clock [ms]. Returns the record; null: unknown. */
	answered({ address, cookie, nameHash }: AnswerEvent, time: number): Connection | null {
		const type = isMapped(address) ? QUERY_TYPE.a : QUERY_TYPE.aaaa;
		const record = this.#waiting.get(keyOf(cookie, nameHash, type));
		if (record === undefined) return null;
		record.addresses ??= [];
		if (record.addresses.length < ADDRESSES && !record.addresses.includes(address)) record.addresses.push(address);
		record.last = time;
		return record;
	}
}

function keyOf(cookie: number, nameHash: number, type: number): string {
	return `${cookie} ${type} ${nameHash}`;
}

const QUESTIONS = 1_024;
/** Addresses kept of one question. */
const ADDRESSES = 16;
