import type { Registry } from "prom-client";
import { verdictNames } from "../native/vocabulary.ts";
import type { EncryptedDns } from "../policy/encrypted-dns.ts";
import type { Connection } from "../records/connection.ts";
import { encryptedDnsOf } from "../records/view.ts";
import { type Sample, scrapedCounter } from "./scraped-metric.ts";

const KINDS: readonly EncryptedDns[] = ["dot", "doq", "doh"];
const VERDICTS = verdictNames.filter((name) => name !== null);

/** Connections that carry encrypted DNS, as src/policy/encrypted-dns.ts recognizes them. One that is denied later counts under both verdicts. */
export class EncryptedDnsCounts {
	readonly #counts = new Map<string, number>();

	/** A record that is complete enough to be reported (SettledStream). */
	settled(connection: Connection): void {
		const kind = encryptedDnsOf(connection);
		if (kind === null) return;
		const key = `${kind} ${verdictNames[connection.verdict] ?? "allow"}`;
		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
	}

	register(registry: Registry): void {
		scrapedCounter({
			registry,
			name: "sallyport_encrypted_dns_connections_total",
			help: "Connections that carry encrypted DNS.",
			labels: ["kind", "verdict"],
			samples: () => KINDS.flatMap((kind) => VERDICTS.map((verdict) => this.#sample(kind, verdict))),
		});
	}

	#sample(kind: string, verdict: string): Sample {
		return [{ kind, verdict }, this.#counts.get(`${kind} ${verdict}`) ?? 0];
	}
}
