import { setImmediate as otherWorkFirst } from "node:timers/promises";
import type { Registry } from "prom-client";
import { isLive, type Labels, type Sample } from "./live.ts";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Prometheus' text format, in parts. After every `slice` ms of writing the event loop turns once, so that a scrape of any size
 * holds up neither the ring nor the API (goal P11).
 */
export async function* expose(registry: Registry, slice = SLICE_MS): AsyncGenerator<string, void, undefined> {
	let lines: string[] = [];
	let began = performance.now();
	for (const metric of registry.getMetricsAsArray()) {
		const { name, help, type } = metric as typeof metric & { readonly type: string };
		lines.push(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`);
		for (const [labels, value] of await samplesOf(metric)) {
			lines.push(`${name}${labelText(labels)} ${numberText(value)}\n`);
			if (lines.length % LOOK_EVERY !== 0 || performance.now() - began < slice) continue;
			yield lines.join("");
			lines = [];
			await otherWorkFirst();
			began = performance.now();
		}
	}
	yield lines.join("");
}

/** All of it in one piece. */
export async function exposeText(registry: Registry): Promise<string> {
	let text = "";
	for await (const part of expose(registry)) text += part;
	return text;
}

const SLICE_MS = 1;
const LOOK_EVERY = 32;

async function samplesOf(metric: unknown): Promise<Iterable<Sample>> {
	if (isLive(metric)) return await metric.samples();
	const { values } = await (metric as { get(): Promise<{ values: { labels: Labels; value: number }[] }> }).get();
	return values.map(({ labels, value }) => [labels, value] as const);
}

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
