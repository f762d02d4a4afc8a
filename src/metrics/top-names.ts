import type { Registry } from "prom-client";
import { printable } from "../base/text.ts";
import { VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { Heavy } from "./heavy.ts";
import { liveCounter } from "./live.ts";

interface Figures {
	denied: number;
	bytesOut: number;
	bytesIn: number;
}

/**
 * The busiest names as labels, only if a person asks for it, and never more than so many: names are chosen by whoever connects.
 * From records, so what the ring loses is missing here.
 */
export class TopNames {
	readonly #names: Heavy<Figures>;
	readonly #limit: number;
	readonly #counted = new WeakSet<Connection>();

	constructor(limit: number) {
		this.#limit = limit;
		this.#names = new Heavy(limit * SPARE, () => ({ denied: 0, bytesOut: 0, bytesIn: 0 }));
	}

	/** A record that is settled: told once, and again if it is denied later. */
	settled(connection: Connection): void {
		if (connection.name === null || connection.dns) return;
		const again = this.#counted.has(connection);
		this.#counted.add(connection);
		const figures = again ? this.#names.get(connection.name) : this.#names.add(connection.name);
		if (figures !== undefined && connection.verdict === VERDICT.deny) figures.denied++;
	}

	ended(connection: Connection): void {
		if (connection.name === null || connection.dns) return;
		const figures = this.#names.get(connection.name);
		if (figures === undefined) return;
		figures.bytesOut += connection.bytesOut;
		figures.bytesIn += connection.bytesIn;
	}

	register(registry: Registry): void {
		const top = () => this.#names.top(this.#limit);
		liveCounter({
			registry,
			name: "sallyport_top_name_connections_total",
			help: "Connections to the busiest names (--metrics-top-names); a name that came late may be counted too high.",
			labels: ["name"],
			samples: () => top().map(({ key, count }) => [{ name: printable(key) }, count] as const),
		});
		liveCounter({
			registry,
			name: "sallyport_top_name_denied_total",
			help: "Denied connections to the busiest names.",
			labels: ["name"],
			samples: () => top().map(({ key, value }) => [{ name: printable(key) }, value.denied] as const),
		});
		liveCounter({
			registry,
			name: "sallyport_top_name_bytes_total",
			help: "Bytes of ended connections to the busiest names, by direction.",
			labels: ["name", "direction"],
			*samples() {
				for (const { key, value } of top()) {
					yield [{ name: printable(key), direction: "out" }, value.bytesOut];
					yield [{ name: printable(key), direction: "in" }, value.bytesIn];
				}
			},
		});
	}
}

/* Names that are followed for each that is shown: the more, the smaller the error. */
const SPARE = 4;
