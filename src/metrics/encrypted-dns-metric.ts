import type { Registry } from "prom-client";
import { verdictNames } from "../native/vocabulary.ts";
import type { EncryptedDns } from "../policy/encrypted-dns.ts";
import type { Connection } from "../records/connection.ts";
import { encryptedDnsOf } from "../records/view.ts";
import { liveCounter, type Sample } from "./live.ts";

const KINDS: readonly EncryptedDns[] = ["dot", "doq", "doh"];
const VERDICTS = verdictNames.filter((name) => name !== null);

/** Connections that look like encrypted DNS. One that is denied after it was allowed counts under both. */
export class EncryptedDnsCounts {
	readonly #counts = new Map<string, number>();

	settled(connection: Connection): void {
		const kind = encryptedDnsOf(connection);
		if (kind === null) return;
		const key = `${kind} ${verdictNames[connection.verdict] ?? "allow"}`;
		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
	}

	register(registry: Registry): void {
		liveCounter({
			registry,
			name: "sallyport_encrypted_dns_connections_total",
			help: "Connections that carry DNS which cannot be read, by kind and verdict.",
			labels: ["kind", "verdict"],
			samples: () => KINDS.flatMap((kind) => VERDICTS.map((verdict) => this.#sample(kind, verdict))),
		});
	}

	#sample(kind: string, verdict: string): Sample {
		return [{ kind, verdict }, this.#counts.get(`${kind} ${verdict}`) ?? 0];
	}
}
