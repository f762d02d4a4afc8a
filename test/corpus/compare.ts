import type { Finding } from "../../src/replay/finding.ts";
import { compareDns } from "./compare-dns.ts";
import { compareHellos } from "./compare-hellos.ts";
import { compareHttp } from "./compare-http.ts";
import type { Row } from "./manifest.ts";
import type { Observation } from "./observe.ts";
import type { Outcome } from "./outcome.ts";

/** Compares the manifest's entries for a capture with the parsers' findings. */
export function compare(row: Row, observation: Observation): Outcome[] {
	return [
		...compareHellos(row, observation, "tls"),
		...compareHellos(row, observation, "quic"),
		...compareDns(row, observation),
		...compareHttp(row, observation),
		...compareNone(row, observation),
	];
}

function namesOf(finding: Finding): string[] {
	if (finding.kind === "message") return finding.isBroken ? [] : finding.questions.map(({ name }) => name);
	return "name" in finding && finding.name !== null ? [finding.name] : [];
}

/** A capture in which no name may be found. */
function compareNone(row: Row, { observed }: Observation): Outcome[] {
	if (row.negative !== true) return [];
	const named = observed.flatMap(({ finding, flow }) => namesOf(finding).map((name) => `${flow} ${name}`));
	if (named.length === 0) return [{ protocol: "none", kind: "agreed", what: row.file, reason: "" }];
	return named.map((what) => ({
		protocol: "none",
		kind: "disagreed",
		what,
		reason: "there is no name in this capture",
	}));
}
