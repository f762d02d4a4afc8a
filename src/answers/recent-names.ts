import { printable } from "../base/text.ts";
import type { ForwardLookup } from "../connections/forward-lookup.ts";
import type { Connection } from "../records/connection.ts";
import type { NameRecord, NameSummary, NamesPage } from "../records/contract.ts";
import type { ViewOf } from "../records/view.ts";
import { nameCursor } from "../store/filter-keys.ts";
import { Best } from "./best.ts";
import { Sums } from "./recent-top.ts";
import { inSlices } from "./slices.ts";

/** Records by name: how many, and who. */
export class NameCounts {
	readonly #names: ForwardLookup;
	readonly #view: ViewOf;
	readonly #byName = new Map<string, { readonly sums: Sums; questions: number; readonly askers: Map<string, Asker> }>();

	constructor(names: ForwardLookup, view: ViewOf) {
		this.#names = names;
		this.#view = view;
	}

	add(connection: Connection): void {
		const { name } = connection;
		if (name === null) return;
		let entry = this.#byName.get(name);
		if (entry === undefined) {
			entry = { sums: new Sums(), questions: 0, askers: new Map() };
			this.#byName.set(name, entry);
		}
		entry.sums.add(connection);
		if (connection.dns) entry.questions++;
	}

	/** Remembers who, for `record`; it is dear, and `page` does not need it. */
	ask(connection: Connection): void {
		const askers = this.#byName.get(connection.name ?? "")?.askers;
		if (askers !== undefined) this.#ask(askers, connection);
	}

	async page(since: number, limit: number, cursor: string): Promise<NamesPage> {
		const found = new Best<string>(limit + 1, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
		await inSlices(this.#byName, ([name, { sums }]) => {
			if (name > cursor && sums.last >= since) found.add(name);
		});
		const rows: NameSummary[] = [];
		await inSlices(found.items.slice(0, limit), (name) => {
			const addresses = this.#names.addressesOf(name).map(({ address }) => address);
			rows.push({ ...this.#summary(name), addresses });
		});
		return { rows, next: found.items.length > limit ? nameCursor(found.items[limit - 1] ?? "") : null };
	}

	record(name: string): NameRecord | null {
		const entry = this.#byName.get(name);
		if (entry === undefined) return null;
		const askers = [...entry.askers.values()].sort((a, b) => b.time - a.time).slice(0, ASKERS);
		return {
			...this.#summary(name),
			addresses: this.#names.addressesOf(name),
			askedBy: askers.map(({ time, ...asker }) => ({ ...asker, last: new Date(time).toISOString() })),
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

	#ask(askers: Map<string, Asker>, connection: Connection): void {
		const { process, unit, container } = this.#view(connection);
		const { uid } = connection;
		const key = JSON.stringify([process?.comm, process?.exe, unit, container, uid]);
		let asker = askers.get(key);
		if (asker === undefined) {
			if (askers.size >= ASKERS_KEPT) return;
			const { comm = "", exe = null, user = null } = process ?? {};
			asker = { process: comm, exe, unit, container, uid, user, questions: 0, connections: 0, time: 0 };
			askers.set(key, asker);
		}
		if (connection.dns) asker.questions++;
		else asker.connections++;
		asker.time = Math.max(asker.time, connection.last);
	}
}

interface Asker {
	readonly process: string;
	readonly exe: string | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly uid: number;
	readonly user: string | null;
	questions: number;
	connections: number;
	time: number;
}

const ASKERS = 100;
const ASKERS_KEPT = 1_000;
