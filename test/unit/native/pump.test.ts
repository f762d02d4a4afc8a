import { expect, test } from "vitest";
import { Pump } from "../../../src/native/pump.ts";

/** A ring buffer with batches of one byte. After each drain it gets the next batches of `arrives`. */
function pumpOf(waiting: number, arrives = 0) {
	const ring = { written: waiting, taken: 0, drains: 0 };
	const pump = new Pump({
		kernel: {
			start() {},
			drain() {
				ring.drains++;
				const taken = Math.min(1, ring.written - ring.taken);
				ring.taken += taken;
				ring.written += arrives;
				return taken;
			},
			positions: () => ({ written: ring.written, taken: ring.taken }),
			stop() {},
		},
		sink: {} as ConstructorParameters<typeof Pump>[0]["sink"],
		batchBytes: 1,
		tail: 1_000,
		onFailure: (error) => {
			throw error;
		},
	});
	pump.start();
	return { pump, ring };
}

test("flush reads all that is waiting, in several turns of the event loop", async () => {
	const { pump, ring } = pumpOf(12);
	const turns = { count: 0 };
	const counting = () => {
		turns.count++;
		if (ring.taken < 12) setImmediate(counting);
	};
	setImmediate(counting);
	await pump.flush();
	expect(ring.taken).toBe(12);
	expect(turns.count).toBeGreaterThan(8);
});

test("flush ignores later events, so it ends under load", async () => {
	const { pump, ring } = pumpOf(12, 3);
	await pump.flush();
	expect(ring.taken).toBeLessThan(20);
});

test("stop reads the rest and ends a running flush", async () => {
	const { pump, ring } = pumpOf(12);
	const flushed = pump.flush();
	pump.stop();
	await flushed;
	expect(ring.taken).toBe(12);
	const before = ring.drains;
	await pump.flush();
	expect(ring.drains).toBe(before);
});
