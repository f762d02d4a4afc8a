import type { Registry } from "prom-client";
import type { NameKeeper } from "../enforce/name-keeper.ts";
import { scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

/** The exact names of allow rules that the daemon resolves again before they expire. */
export function registerKeptNameMetrics(registry: Registry, keeper: Pick<NameKeeper, "kept" | "counts">): void {
	scrapedGauge({
		registry,
		name: "sallyport_kept_names",
		help: "Exact names of allow rules that the daemon keeps resolved.",
		samples: () => [[{}, keeper.kept.kept]],
	});
	scrapedGauge({
		registry,
		name: "sallyport_kept_names_unanswered",
		help: "Names that are kept resolved, and whose last query no resolver answered.",
		samples: () => [[{}, keeper.kept.unanswered]],
	});
	scrapedGauge({
		registry,
		name: "sallyport_kept_names_left_out",
		help: "Exact names of allow rules over the limit of 2,000, which are not kept resolved.",
		samples: () => [[{}, keeper.kept.leftOut]],
	});
	scrapedCounter({
		registry,
		name: "sallyport_kept_name_lookups_total",
		help: "Queries for names that are kept resolved, A and AAAA counted as one.",
		labels: ["result"],
		samples: () => [
			[{ result: "answered" }, keeper.counts.answered],
			[{ result: "failed" }, keeper.counts.failed],
		],
	});
}
