import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SettledStream } from "../../../src/connections/settled.ts";
import { END, VERDICT } from "../../../src/native/layout.ts";
import { connect, end, hello } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

function watched() {
	const harness = new TableHarness();
	const reported: string[] = [];
	const stream = new SettledStream({
		table: harness.table,
		settle: 1_000,
		emit: (c) => reported.push(`${c.id} ${c.name} ${harness.view(c).verdict} ${c.ended}`),
	});
	return { harness, reported, stream };
}

test("a connection is reported once, when it is a second old, with the name that arrived until then", () => {
	const { harness, reported } = watched();
	harness.feed(connect());
	vi.advanceTimersByTime(400);
	harness.feed(hello("a.example"));
	expect(reported).toEqual([]);
	vi.advanceTimersByTime(1_000);
	harness.feed(end(END.local));
	expect(reported).toEqual(["1 a.example allow false"]);
	expect(vi.getTimerCount()).toBe(0);
});

test("a connection that ends sooner is reported at its end, and a denied one at once", () => {
	const { harness, reported } = watched();
	harness.feed(connect({ cookie: 1n }), end(END.local, { cookie: 1n }), connect({ cookie: 2n, verdict: VERDICT.deny }));
	expect(reported).toEqual(["1 null allow true", "2 null deny true"]);
});

test("a connection that a new policy denies is reported again; close() reports those that wait", () => {
	const { harness, reported, stream } = watched();
	harness.feed(connect());
	vi.advanceTimersByTime(1_500);
	harness.feed(hello("b.example", { verdict: VERDICT.deny }));
	harness.feed(connect({ cookie: 8n }));
	stream.close();
	expect(reported).toEqual(["1 null allow false", "1 b.example deny false", "2 null allow false"]);
});
