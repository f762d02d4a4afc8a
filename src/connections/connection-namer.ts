import type { NamedEvent, RequestEvent } from "../native/event-objects.ts";
import type { DecisionEvent } from "../native/event-views.ts";
import type { Cursor } from "../native/events.ts";
import { HELLO_FLAG } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import type { ReverseLookup } from "./reverse-lookup.ts";

/** The text of a name from the kernel's map. `hash`: 8 bytes as the kernel writes them. Null: unknown. */
export type LookupName = (hash: Buffer) => string | null;

/** Sets the name of a connection. That of a hello outranks that of a request, and both outrank DNS. */
export class ConnectionNamer {
	readonly #names: ReverseLookup;
	readonly #lookup: LookupName;

	constructor(names: ReverseLookup, lookup: LookupName) {
		this.#names = names;
		this.#lookup = lookup;
	}

	fromHello(connection: Connection, { name, nameHash, flags }: NamedEvent): void {
		if (name !== "") {
			connection.name = name;
			connection.nameFromHello = true;
			connection.nameFromRequest = false;
			connection.nameKey = nameHash;
		}
		connection.ech = (flags & HELLO_FLAG.ech) !== 0;
	}

	fromRequest(connection: Connection, { method, path, status, name: host, nameHash }: RequestEvent): void {
		connection.request = { method, host, path, status };
		if (status === 0) connection.requests++;
		if (nameHash === 0 || connection.nameFromHello) return;
		this.#names.remember(nameHash, host);
		connection.name = host;
		connection.nameFromRequest = true;
		connection.nameKey = nameHash;
	}

	/**
	 * As long as no hello or request has named it. Order of preference: the name that the process resolved, the name that the kernel decided by, a name that another process
	 * resolved.
	 */
	fromDns(connection: Connection, event: DecisionEvent, at: Cursor): void {
		const own = this.#names.ofProcess(event.remote, event.tgid, event.start);
		if (own !== null) {
			connection.name = own.name;
			connection.nameKey = own.hash;
			return;
		}
		const decided = event.nameHash === 0 ? null : this.text(event.nameHash, at);
		const anyone = decided === null ? this.#names.ofAnyone(event.remote) : null;
		connection.name = decided ?? anyone?.name ?? connection.name;
		connection.nameKey = decided !== null ? event.nameHash : (anyone?.hash ?? connection.nameKey);
	}

	/** The name with this hash, from memory or from the kernel. `at`: the event that has the hash. Null: evicted. */
	text(hash: number, at: Cursor): string | null {
		const known = this.#names.text(hash);
		if (known !== null) return known;
		const found = this.#lookup(at.nameHash());
		if (found !== null) this.#names.remember(hash, found);
		return found;
	}
}
