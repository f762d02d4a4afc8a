import { setImmediate as otherWorkFirst } from "node:timers/promises";
import type { Registry } from "prom-client";
import { type Labels, Scrape, scrapedMetrics } from "./scraped-metric.ts";

/** Content type of the Prometheus text format. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * The Prometheus text format in parts. The event loop turns after every `slice` ms of writing, so that a scrape delays neither the ring
 * buffer nor the API. Metrics that prom-client itself keeps are not written.
 */
export async function* expose(registry: Registry, slice = SLICE): AsyncGenerator<string, void, undefined> {
	const scrape = new Scrape();
	let lines: string[] = [];
	let began = performance.now();
	for (const { name, help, type, samples } of scrapedMetrics(registry)) {
		lines.push(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`);
		for (const [labels, value] of await samples(scrape)) {
			lines.push(`${name}${labelText(labels)} ${numberText(value)}\n`);
			if (lines.length % LINES_PER_CHECK !== 0 || performance.now() - began < slice) continue;
			yield lines.join("");
			lines = [];
			await otherWorkFirst();
			began = performance.now();
		}
	}
	yield lines.join("");
}

/** [ms] */
const SLICE = 1;
/** Lines between two looks at the clock. */
const LINES_PER_CHECK = 32;

function labelText(labels: Labels): string {
	let text = "";
	for (const name in labels) text += `${text === "" ? "{" : ","}${name}="${escapeLabel(String(labels[name]))}"`;
	return text === "" ? "" : `${text}}`;
}

function escapeLabel(text: string): string {
	return SPECIAL.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text;
}

function escapeHelp(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

const SPECIAL = /["\\\n]/;

function numberText(value: number): string {
	if (Number.isFinite(value)) return String(value);
	return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
