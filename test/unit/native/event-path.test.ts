import { expect, test } from "vitest";
import { EventPath } from "../../../src/native/event-path.ts";

function path() {
	const at = { written: 0, taken: 0 };
	const counts = { batches: 0, failures: 0 };
	return { at, counts, path: new EventPath({ positions: () => ({ ...at }) }, counts) };
}

test("an idle host is healthy, as is a reader that lags behind but makes progress", () => {
	const { at, path: events } = path();
	expect(events.look()).toBeNull();
	at.written = 100;
	expect(events.look(), "written since the last check").toBeNull();
	at.written = 300;
	at.taken = 80;
	expect(events.look(), "some of it read").toBeNull();
});

test("bytes that were waiting at the last check, with none read since, are a problem", () => {
	const { at, path: events } = path();
	at.written = 100;
	events.look();
	at.written = 150;
	expect(events.look()).toBe("100 bytes of events are waiting in the ring and none are read");
	at.taken = 150;
	expect(events.look(), "the reader recovered").toBeNull();
});

test("batches that all fail are a problem; one failure among others is not", () => {
	const { counts, path: events } = path();
	counts.batches = 3;
	counts.failures = 1;
	expect(events.look()).toBeNull();
	counts.batches = 5;
	counts.failures = 3;
	expect(events.look()).toBe("all of 2 batches failed");
});
