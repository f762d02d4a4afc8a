import { addressText } from "../base/address.ts";
import type { Entry } from "./entries.ts";

/** Number of times that a client connected to a name at a server, with the decision. Times are ISO 8601. */
export interface TallyRow {
	count: number;
	readonly client: string;
	readonly server: string;
	readonly port: number;
	readonly protocol: "tcp" | "udp";
	readonly name: string | null;
	readonly from: Entry["from"];
	first: string;
	last: string;
	/** This and the following fields only with a policy. */
	readonly verdict?: "allow" | "deny";
	readonly phase?: string;
	readonly group?: string | null;
	readonly rule?: string | null;
	readonly reason?: string;
}

/** Counts equal entries. Names are compared in lower case. */
export class Tally {
	readonly #rows = new Map<string, TallyRow>();

	add({ conversation, name, from, time, judgement }: Entry): void {
		const { client, server, protocol } = conversation;
		const row = {
			client: addressText(client.address),
			server: addressText(server.address),
			port: server.port,
			protocol,
			name: name?.toLowerCase() ?? null,
			from,
			...(judgement === null ? {} : decided(judgement)),
		};
		const key = JSON.stringify(row);
		const at = timeText(time);
		const known = this.#rows.get(key);
		if (known === undefined) this.#rows.set(key, { count: 1, ...row, first: at, last: at });
		else {
			known.count++;
			if (at < known.first) known.first = at;
			if (at > known.last) known.last = at;
		}
	}

	/** The rows, the most frequent first, then the earliest. */
	rows(): readonly TallyRow[] {
		return [...this.#rows.values()].sort((a, b) => b.count - a.count || (a.first < b.first ? -1 : 1));
	}
}

function decided({ verdict, phase, group, rule, reason }: NonNullable<Entry["judgement"]>) {
	return { verdict, phase, group, rule, reason };
}

/** The largest time value of a Date [ms]: ECMA-262, "Time Values and Time Range". */
const TIME_MAX = 8.64e15;

function timeText(nanoseconds: bigint): string {
	return new Date(Math.min(Number(nanoseconds / 1_000_000n), TIME_MAX)).toISOString();
}
