import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SettledStream } from "../../../src/connections/settled.ts";
import { END, VERDICT } from "../../../src/native/layout.ts";
import { Desk } from "../support/desk.ts";
import { connect, end, hello } from "../support/events.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

function watched() {
	const desk = new Desk();
	const told: string[] = [];
	const stream = new SettledStream({
		table: desk.table,
		settle: 1_000,
		emit: (c) => told.push(`${c.id} ${c.name} ${desk.view(c).verdict} ${c.ended}`),
	});
	return { desk, told, stream };
}

test("a connection is told once, when it is a second old, with the name that came meanwhile", () => {
	const { desk, told } = watched();
	desk.feed(connect());
	vi.advanceTimersByTime(400);
	desk.feed(hello("a.example"));
	expect(told).toEqual([]);
	vi.advanceTimersByTime(1_000);
	desk.feed(end(END.local));
	expect(told).toEqual(["1 a.example allow false"]);
	expect(vi.getTimerCount()).toBe(0);
});

test("one that ends sooner is told at its end, a denied one at once", () => {
	const { desk, told } = watched();
	desk.feed(connect({ cookie: 1n }), end(END.local, { cookie: 1n }), connect({ cookie: 2n, verdict: VERDICT.deny }));
	expect(told).toEqual(["1 null allow true", "2 null deny true"]);
});

test("one that a new policy denies after it was told is told again, and closing tells what waits", () => {
	const { desk, told, stream } = watched();
	desk.feed(connect());
	vi.advanceTimersByTime(1_500);
	desk.feed(hello("b.example", { verdict: VERDICT.deny }));
	desk.feed(connect({ cookie: 8n }));
	stream.close();
	expect(told).toEqual(["1 null allow false", "1 b.example deny false", "2 null allow false"]);
});
