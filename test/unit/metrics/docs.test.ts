/** docs/metrics.md has a row for each metric, with its labels and the first sentence of its HELP text. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { registerMetrics } from "../../../src/metrics/register.ts";
import { scrapedMetrics } from "../../../src/metrics/scraped-metric.ts";
import { newDecodeCounts } from "../../../src/native/decode.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { TableHarness } from "../support/table-harness.ts";

const PAGE = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");

interface Row {
	readonly name: string;
	readonly labels: readonly string[];
	readonly meaning: string;
}

function written(): Row[] {
	const rows = PAGE.matchAll(/^\| `(sallyport_\w+)` \|([^|]*)\| ([^|]+) \|$/gm);
	return [...rows].map(([, name = "", labels = "", meaning = ""]) => ({
		name,
		labels: [...labels.replace(/\([^)]*\)/g, "").matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
		meaning: meaning.replaceAll("`", ""),
	}));
}

function served(): Row[] {
	const { table, processes } = new TableHarness();
	const { registry } = registerMetrics({
		kernel: new FakeKernel(),
		keeper: { kept: { kept: 0, unanswered: 0, leftOut: 0 }, counts: { answered: 0, failed: 0 } },
		overlays: { list: () => [], nextEnd: null, secondsTo: () => 0 },
		slots: new SlotBook(null),
		actionOf: () => null,
		version: "1",
		table,
		processes,
		pump: { counts: newDecodeCounts(), batches: 0, bytes: 0, failures: 0 },
		policy: { current: null, generation: 0, healthy: true, counts: { loaded: 0, refused: 0 } },
		destroyer: { counts: { destroyed: 0, gone: 0, failed: 0 } },
		history: () => null,
		attachment: { problem: null, repairs: 0 },
		topNames: 10,
	});
	return scrapedMetrics(registry)
		.filter(({ name }) => name.startsWith("sallyport_"))
		.map(({ name, labels, help }) => ({ name, labels, meaning: phrase(help) }));
}

/* Table cells begin in lower case, except for names such as BPF. */
function phrase(help: string): string {
	const [sentence = ""] = help.split(/\.(?: |$)/, 1);
	return /^[A-Z][a-z ]/.test(sentence) ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence;
}

const byName = (a: Row, b: Row) => (a.name < b.name ? -1 : 1);

test("the tables are the metrics", () => {
	expect(written().sort(byName)).toEqual(served().sort(byName));
});
