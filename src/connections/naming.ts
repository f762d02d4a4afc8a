import type { DecisionEvent } from "../native/event-views.ts";
import type { Cursor } from "../native/events.ts";
import type { Connection } from "../records/connection.ts";
import type { Names } from "./dns-names.ts";

/** The text of a name whose announcement this daemon has not seen: 8 bytes of hash as the kernel writes them. */
export type LookupName = (hash: Buffer) => string | null;

/** Which name a connection goes by before it has said one itself. */
export class Naming {
	readonly #names: Names;
	readonly #lookup: LookupName;

	constructor(names: Names, lookup: LookupName) {
		this.#names = names;
		this.#lookup = lookup;
	}

	/** What this process asked for; else what the kernel went by; else what anyone asked for. */
	fromDns(connection: Connection, event: DecisionEvent, at: Cursor): void {
		const own = this.#names.own(event.remote, event.tgid, event.start);
		if (own !== null) {
			connection.name = own.name;
			connection.nameKey = own.hash;
			return;
		}
		const decided = event.nameHash === 0 ? null : this.text(event.nameHash, at);
		const anyone = decided === null ? this.#names.anyone(event.remote) : null;
		connection.name = decided ?? anyone?.name ?? connection.name;
		connection.nameKey = decided !== null ? event.nameHash : (anyone?.hash ?? connection.nameKey);
	}

	/** Null: nobody knows it any more. */
	text(hash: number, at: Cursor): string | null {
		const known = this.#names.text(hash);
		if (known !== null) return known;
		const found = this.#lookup(at.nameHash());
		if (found !== null) this.#names.remember(hash, found);
		return found;
	}
}
