import type { Registry } from "prom-client";
import { expose } from "../../../src/metrics/exposition.ts";

/** The text of a whole scrape. */
export async function exposed(registry: Registry): Promise<string> {
	let text = "";
	for await (const part of expose(registry)) text += part;
	return text;
}
