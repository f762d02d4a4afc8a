import { printable } from "../base/text.ts";
import type { ForwardLookup } from "../connections/forward-lookup.ts";
import type { Connection } from "../records/connection.ts";
import {
	MOST_CLIENTS,
	type NameRecord,
	type NameSummary,
	type NamesPage,
	SUMMARY_ADDRESSES,
} from "../records/contract.ts";
import type { ViewOf } from "../records/view.ts";
import { nameCursor } from "../store/cursors.ts";
import { Best } from "./best.ts";
import { Sums } from "./recent-top.ts";
import { inSlices } from "./slices.ts";

/** Counts records by name, and the clients of a name. */
export class NameCounts {
	readonly #names: ForwardLookup;
	readonly #view: ViewOf;
	readonly #byName = new Map<
		string,
		{ readonly sums: Sums; questions: number; readonly clients: Map<string, Client> }
	>();

	constructor(names: ForwardLookup, view: ViewOf) {
		this.#names = names;
		this.#view = view;
	}

	add(connection: Connection): void {
		const { name } = connection;
		if (name === null) return;
		let entry = this.#byName.get(name);
		if (entry === undefined) {
			entry = { sums: new Sums(), questions: 0, clients: new Map() };
			this.#byName.set(name, entry);
		}
		entry.sums.add(connection);
		if (connection.dns) entry.questions += connection.count;
	}

	/** Counts the client of a connection that was added. Only `record` needs it: it makes a view of each connection. */
	addClient(connection: Connection): void {
		const clients = this.#byName.get(connection.name ?? "")?.clients;
		if (clients !== undefined) this.#addClient(clients, connection);
	}

	/** `since`: wall clock [ms]; `cursor`: the last name of the previous page. */
	async page(since: number, limit: number, cursor: string): Promise<NamesPage> {
		const found = new Best<string>(limit + 1, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
		await inSlices(this.#byName, ([name, { sums }]) => {
			if (name > cursor && sums.last >= since) found.add(name);
		});
		const rows: NameSummary[] = [];
		await inSlices(found.items.slice(0, limit), (name) => {
			const addresses = this.#names.addressesOf(name).slice(0, SUMMARY_ADDRESSES);
			rows.push({ ...this.#summary(name), addresses: addresses.map(({ address }) => address) });
		});
		return { rows, next: found.items.length > limit ? nameCursor(found.items[limit - 1] ?? "") : null };
	}

	/** Null: no record has the name. */
	record(name: string): NameRecord | null {
		const entry = this.#byName.get(name);
		if (entry === undefined) return null;
		const clients = [...entry.clients.values()].sort((a, b) => b.time - a.time).slice(0, MOST_CLIENTS);
		return {
			...this.#summary(name),
			addresses: this.#names.addressesOf(name),
			askedBy: clients.map(({ time, ...client }) => ({ ...client, last: new Date(time).toISOString() })),
		};
	}

	#summary(name: string) {
		const { sums, questions } = this.#byName.get(name) ?? { sums: new Sums(), questions: 0 };
		const { count, denied, wouldDeny, first, last } = sums;
		return {
			name: printable(name),
			first: new Date(first).toISOString(),
			last: new Date(last).toISOString(),
			questions,
			connections: count - questions,
			denied,
			wouldDeny,
		};
	}

	#addClient(clients: Map<string, Client>, connection: Connection): void {
		const { process, unit, container } = this.#view(connection);
		const { uid } = connection;
		const key = JSON.stringify([process?.comm, process?.exe, unit, container, uid]);
		let client = clients.get(key);
		if (client === undefined) {
			if (clients.size >= CLIENTS_COUNTED) return;
			const { comm = "", exe = null, user = null } = process ?? {};
			client = { process: comm, exe, unit, container, uid, user, questions: 0, connections: 0, time: 0 };
			clients.set(key, client);
		}
		if (connection.dns) client.questions += connection.count;
		else client.connections += connection.count;
		client.time = Math.max(client.time, connection.last);
	}
}

interface Client {
	readonly process: string;
	readonly exe: string | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly uid: number;
	readonly user: string | null;
	questions: number;
	connections: number;
	/** Wall clock [ms] of the last record. */
	time: number;
}

/** Clients of one name that are counted; further ones are not. */
const CLIENTS_COUNTED = 1_000;
