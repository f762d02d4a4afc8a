import { addressText } from "../base/address.ts";
import { printable } from "../base/text.ts";
import { VERDICT } from "../native/layout.ts";
import { outcomeNames, phaseNames, verdictNames } from "../native/vocabulary.ts";
import type { Connection } from "../records/connection.ts";
import type { TopField, TopQuery, TopRow } from "../records/contract.ts";
import { protocolText } from "../records/protocols.ts";
import type { Describer } from "../records/view.ts";
import { Best } from "./best.ts";
import { inSlices } from "./slices.ts";

/** Sums of a group of records. */
export class Sums {
	count = 0;
	denied = 0;
	wouldDeny = 0;
	bytesOut = 0;
	bytesIn = 0;
	/** Wall clock [ms], as `last`. */
	first = Number.POSITIVE_INFINITY;
	last = 0;

	add(connection: Connection): void {
		const { count, verdict } = connection;
		this.count += count;
		if (verdict === VERDICT.deny) this.denied += count;
		if (verdict === VERDICT.wouldDeny) this.wouldDeny += count;
		this.bytesOut += connection.bytesOut;
		this.bytesIn += connection.bytesIn;
		this.first = Math.min(this.first, connection.first);
		this.last = Math.max(this.last, connection.last);
	}
}

/** Groups records by one or two fields. */
export class TopGroups {
	readonly #fields: readonly TopField[];
	readonly #describe: Describer;
	readonly #groups = new Map<string, Group>();

	constructor(fields: readonly TopField[], describe: Describer) {
		this.#fields = fields;
		this.#describe = describe;
	}

	add(connection: Connection): void {
		const values = this.#fields.map((field) => keyOfField(connection, field, this.#describe));
		const key = JSON.stringify(values);
		let group = this.#groups.get(key);
		if (group === undefined) {
			group = { values, sums: new Sums(), number: this.#groups.size };
			this.#groups.set(key, group);
		}
		group.sums.add(connection);
	}

	/** The greatest groups first. */
	async rows(sort: NonNullable<TopQuery["sort"]>, limit: number): Promise<TopRow[]> {
		const best = new Best<Group>(
			limit,
			(a, b) => b.sums[sort] - a.sums[sort] || b.sums.last - a.sums.last || a.number - b.number,
		);
		await inSlices(this.#groups.values(), (group) => best.add(group));
		const rows: TopRow[] = [];
		await inSlices(best.items, (group) => rows.push(this.#row(group)));
		return rows;
	}

	#row({ values, sums: { first, last, ...sums } }: Group): TopRow {
		return {
			key: Object.fromEntries(this.#fields.map((field, index) => [field, values[index] ?? null])),
			...sums,
			first: new Date(first).toISOString(),
			last: new Date(last).toISOString(),
		};
	}
}

interface Group {
	readonly values: readonly Value[];
	readonly sums: Sums;
	/** In the order in which the groups were first seen. */
	readonly number: number;
}

type Value = string | number | null;

function keyOfField(connection: Connection, field: TopField, describe: Describer): Value {
	const value = VALUES[field](connection, describe) ?? null;
	return typeof value === "string" ? printable(value) : value;
}

const VALUES: Readonly<Record<TopField, (connection: Connection, describe: Describer) => Value | undefined>> = {
	verdict: ({ verdict }) => verdictNames[verdict],
	phase: ({ deciding }) => (deciding === null ? null : phaseNames[deciding.phase]),
	name: ({ name }) => name,
	address: ({ remote }) => addressText(remote),
	port: ({ remotePort }) => remotePort,
	protocol: ({ protocol }) => protocolText(protocol),
	outcome: ({ outcome }) => outcomeNames[outcome],
	process: ({ process }) => process?.comm,
	exe: ({ process }, describe) => (process === null ? null : describe.exe(process)),
	unit: ({ cgroup }) => cgroup?.unit,
	container: ({ cgroup }) => cgroup?.container,
	user: ({ uid }, describe) => describe.user(uid) ?? String(uid),
	rule: ({ deciding }) => deciding?.rule?.name,
	group: ({ deciding }) => deciding?.rule?.group,
};
