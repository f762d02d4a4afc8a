import type { Registry } from "prom-client";
import { printable } from "../base/text.ts";
import { VERDICT } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { scrapedCounter } from "./scraped-metric.ts";
import { TopCounts } from "./top-counts.ts";

interface NameCounts {
	denied: number;
	bytesOut: number;
	bytesIn: number;
}

/**
 * The busiest names as labels. They are off by default and bounded in number, because untrusted programs choose the names. The counts come
 * from records, so they lack connections whose events were lost.
 */
export class TopNames {
	readonly #names: TopCounts<NameCounts>;
	readonly #limit: number;
	readonly #counted = new WeakSet<Connection>();

	constructor(limit: number) {
		this.#limit = limit;
		this.#names = new TopCounts(limit * TRACKED, () => ({ denied: 0, bytesOut: 0, bytesIn: 0 }));
	}

	/** A record that is complete enough to be reported, and again if it is denied later (SettledStream). */
	settled(connection: Connection): void {
		if (connection.name === null || connection.dns) return;
		const again = this.#counted.has(connection);
		this.#counted.add(connection);
		const counts = again ? this.#names.get(connection.name) : this.#names.add(connection.name);
		if (counts !== undefined && connection.verdict === VERDICT.deny) counts.denied++;
	}

	/** A denial was counted in a record. */
	repeated(connection: Connection): void {
		if (connection.name === null || connection.dns) return;
		const counts = this.#names.add(connection.name);
		if (counts !== undefined) counts.denied++;
	}

	ended(connection: Connection): void {
		if (connection.name === null || connection.dns) return;
		const counts = this.#names.get(connection.name);
		if (counts === undefined) return;
		counts.bytesOut += connection.bytesOut;
		counts.bytesIn += connection.bytesIn;
	}

	register(registry: Registry): void {
		const read = () => this.#names.top(this.#limit);
		scrapedCounter({
			registry,
			name: "sallyport_top_name_connections_total",
			help: "Connections to a busy name. The count of a name that appeared late may be too high.",
			labels: ["name"],
			samples: (scrape) => scrape.once(read).map(({ key, count }) => [{ name: printable(key) }, count] as const),
		});
		scrapedCounter({
			registry,
			name: "sallyport_top_name_denied_total",
			help: "Denied connections to a busy name.",
			labels: ["name"],
			samples: (scrape) => scrape.once(read).map(({ key, value }) => [{ name: printable(key) }, value.denied] as const),
		});
		scrapedCounter({
			registry,
			name: "sallyport_top_name_bytes_total",
			help: "Bytes of closed connections to a busy name.",
			labels: ["name", "direction"],
			*samples(scrape) {
				for (const { key, value } of scrape.once(read)) {
					yield [{ name: printable(key), direction: "out" }, value.bytesOut];
					yield [{ name: printable(key), direction: "in" }, value.bytesIn];
				}
			},
		});
	}
}

/* Names that are tracked for each that is a label. More of them make the error of a count smaller. */
const TRACKED = 4;
