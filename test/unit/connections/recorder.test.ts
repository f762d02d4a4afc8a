import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TIMES } from "../../../src/base/config.ts";
import { Recorder } from "../../../src/connections/recorder.ts";
import { END, VERDICT } from "../../../src/native/layout.ts";
import { answer, connect, end, hello, question } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

const REFRESH = 30_000;

function setUp() {
	const desk = new TableHarness();
	const written: string[] = [];
	const history = {
		record: (c: Parameters<typeof desk.view>[0]) => void written.push(`${c.name} ${desk.view(c).verdict} ${c.ended}`),
		recordAnswer: ({ name }: { name: string }) => void written.push(`answer ${name}`),
	};
	const recorder = new Recorder({
		table: desk.table,
		history,
		settle: TIMES.record,
		recount: TIMES.recount,
		refresh: REFRESH,
	});
	const take = () => written.splice(0);
	return { desk, recorder, take };
}

test("a connection is written when it has settled, when it is denied later, and when it ends", () => {
	const { desk, recorder, take } = setUp();
	desk.feed(connect(), hello("a.example"));
	vi.advanceTimersByTime(TIMES.record - TIMES.settleTick);
	expect(take()).toEqual([]);
	vi.advanceTimersByTime(TIMES.settleTick);
	expect(take()).toEqual(["a.example allow false"]);
	desk.feed(hello("b.example", { verdict: VERDICT.deny }));
	vi.advanceTimersByTime(TIMES.record);
	expect(take()).toEqual(["b.example deny false"]);
	desk.feed(end(END.reset));
	expect(take()).toEqual(["b.example deny true"]);
	recorder.close();
	expect(take()).toEqual([]);
	expect(vi.getTimerCount()).toBe(0);
});

test("an open connection is written again when its counters have changed", () => {
	const { desk, recorder, take } = setUp();
	desk.feed(connect());
	vi.advanceTimersByTime(TIMES.record);
	const [connection] = desk.table.kept.all();
	expect(take()).toHaveLength(1);
	vi.advanceTimersByTime(REFRESH);
	expect(take()).toEqual([]);
	if (connection !== undefined) connection.last += 5;
	vi.advanceTimersByTime(REFRESH);
	expect(take()).toEqual(["null allow false"]);
	recorder.close();
});

test("flush writes what waits, each connection once", () => {
	const { desk, recorder, take } = setUp();
	desk.feed(connect({ cookie: 1n }), connect({ cookie: 2n }), end(END.local, { cookie: 2n }));
	expect(take()).toEqual(["null allow true"]);
	recorder.flush();
	expect(take()).toEqual(["null allow false"]);
	vi.advanceTimersByTime(TIMES.record + TIMES.settleTick);
	expect(take()).toEqual([]);
	recorder.close();
});

test("an answer is written at once, and its question with the address", () => {
	const { desk, recorder, take } = setUp();
	desk.feed(question("a.example", 1, { nameHash: 7n }));
	vi.advanceTimersByTime(TIMES.record);
	expect(take()).toEqual(["a.example allow true"]);
	desk.feed(answer("192.0.2.1", { nameHash: 7n }));
	expect(take()).toEqual(["answer a.example"]);
	vi.advanceTimersByTime(TIMES.record);
	expect(take()).toEqual(["a.example allow true"]);
	expect(desk.only().query?.addresses).toEqual(["192.0.2.1"]);
	recorder.close();
});
