import fc from "fast-check";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { TopCounts } from "../../../src/metrics/top-counts.ts";
import { TopNames } from "../../../src/metrics/top-names.ts";
import { VERDICT } from "../../../src/native/layout.ts";
import { connect, end, hello } from "../support/events.ts";
import { exposed } from "../support/exposed.ts";
import { TableHarness } from "../support/table-harness.ts";

test("a count is never too low, never decreases, and is too high by at most the smallest count", () => {
	const keys = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 400 });
	fc.assert(
		fc.property(keys, fc.integer({ min: 1, max: 10 }), (stream, room) => {
			const counts = new TopCounts(room, () => null);
			const truth = new Map<string, number>();
			const shown = new Map<string, number>();
			for (const key of stream.map(String)) {
				counts.add(key);
				truth.set(key, (truth.get(key) ?? 0) + 1);
				const all = counts.top(room);
				const least = Math.min(...all.map(({ count }) => count));
				expect(all.length).toBeLessThanOrEqual(room);
				for (const { key: each, count } of all) {
					expect(count).toBeGreaterThanOrEqual(truth.get(each) ?? 0);
					expect(count - (truth.get(each) ?? 0)).toBeLessThanOrEqual(least);
					expect(count).toBeGreaterThanOrEqual(shown.get(each) ?? 0);
					shown.set(each, count);
				}
			}
		}),
	);
});

test("the busiest names are labels, up to the limit, with their denials and bytes", async () => {
	const harness = new TableHarness();
	const names = new TopNames(2);
	harness.table.watch({
		denied: (each) => names.settled(each),
		ended: (each) => {
			names.settled(each);
			names.ended(each);
		},
	});
	let cookie = 1n;
	const visit = (name: string, times: number) => {
		for (let i = 0; i < times; i++, cookie++)
			harness.feed(
				connect({ cookie }),
				hello(name, { cookie, verdict: VERDICT.allow, reason: 1 }),
				end(1, { cookie, bytesOut: 10n, bytesIn: 100n }),
			);
	};
	visit("a.example.com", 5);
	visit("b.example.com", 3);
	visit("c.example.com", 1);
	const registry = new Registry();
	names.register(registry);
	const lines = (await exposed(registry)).split("\n").filter((line) => !line.startsWith("#"));
	expect(lines).toContain('sallyport_top_name_connections_total{name="a.example.com"} 5');
	expect(lines).toContain('sallyport_top_name_bytes_total{name="b.example.com",direction="in"} 300');
	expect(lines.join("\n")).not.toContain("c.example.com");
});
