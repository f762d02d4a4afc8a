import type { Registry } from "prom-client";
import { scrapedGauge } from "./scraped-metric.ts";

export interface OverlayFigures {
	readonly list: () => readonly { readonly problem: string | null }[];
	/** CLOCK_BOOTTIME [ms]; null: none. */
	readonly nextEnd: number | null;
	/** Seconds until a time of CLOCK_BOOTTIME. */
	readonly secondsTo: (end: number) => number;
}

/** Number of overlays, and the end that comes next. */
export function registerOverlayMetrics(registry: Registry, overlays: OverlayFigures): void {
	scrapedGauge({
		registry,
		name: "sallyport_overlays",
		help: "Overlays above the policy. Those that are not in force have rules that are no longer valid on this host.",
		labels: ["in_force"],
		samples: () => {
			const all = overlays.list();
			const idle = all.filter(({ problem }) => problem !== null).length;
			return [
				[{ in_force: "true" }, all.length - idle],
				[{ in_force: "false" }, idle],
			];
		},
	});
	scrapedGauge({
		registry,
		name: "sallyport_overlay_next_end_seconds",
		help: "Time until the next end of an overlay. No sample if none has an end.",
		samples: () => (overlays.nextEnd === null ? [] : [[{}, overlays.secondsTo(overlays.nextEnd)]]),
	});
}
