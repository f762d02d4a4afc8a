import { expect, test } from "vitest";
import { EventPath } from "../../../src/native/event-path.ts";

function path() {
	const at = { written: 0, taken: 0 };
	const counts = { batches: 0, failures: 0 };
	return { at, counts, path: new EventPath({ positions: () => ({ ...at }) }, counts) };
}

test("a quiet host is well, and one whose reader follows a little behind", () => {
	const { at, path: events } = path();
	expect(events.look()).toBeNull();
	at.written = 100;
	expect(events.look(), "written just now").toBeNull();
	at.written = 300;
	at.taken = 80;
	expect(events.look(), "it takes, if not all").toBeNull();
});

test("what was there at the last look and is there still, with nothing taken, is a path that stands still", () => {
	const { at, path: events } = path();
	at.written = 100;
	events.look();
	at.written = 150;
	expect(events.look()).toBe("100 bytes of events wait in the ring and nobody takes them");
	at.taken = 150;
	expect(events.look(), "and it is told when it goes on").toBeNull();
});

test("batches of which not one can be read are no sign of life; one bad among good ones is no death", () => {
	const { counts, path: events } = path();
	counts.batches = 3;
	counts.failures = 1;
	expect(events.look()).toBeNull();
	counts.batches = 5;
	counts.failures = 3;
	expect(events.look()).toBe("all of 2 batches could not be read");
});
