import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Kernel } from "../../src/native/binding.ts";
import { COUNT, HEAD } from "../../src/native/layout.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { must, run, until } from "../support/run.ts";
import { Scratch } from "./scratch.ts";

const BATCH = 4_096;

let scratch: Scratch;
let kernel: Kernel;
beforeAll(() => {
	scratch = new Scratch();
	kernel = scratch.load();
});
afterAll(() => scratch.close());
beforeEach(() => emptyRing());

test("every record that the kernel counts as written arrives, in batches of bounded size", async () => {
	const before = written();
	connectALot();
	const batches: number[] = [];
	let records = 0;
	kernel.start(BATCH, (batch, length) => {
		batches.push(length);
		records += recordsIn(batch, length);
	});
	await until("all records", 5_000, () => records === written() - before || undefined);
	kernel.stop();
	expect(records).toBeGreaterThanOrEqual(CONNECTIONS);
	expect(batches.length).toBeGreaterThan(10);
	expect(Math.max(...batches)).toBeLessThanOrEqual(BATCH);
});

test("one buffer is used for all batches", async () => {
	connectALot();
	const buffers = new Set<Buffer>();
	kernel.start(BATCH, (batch) => buffers.add(batch));
	await until("the ring is empty", 5_000, () => kernel.drain() === 0 || undefined);
	kernel.stop();
	expect(buffers.size).toBe(1);
});

test("drain delivers one batch immediately, and the rest follows without a wake-up", async () => {
	const before = written();
	connectALot();
	let records = 0;
	kernel.start(BATCH, (batch, length) => {
		records += recordsIn(batch, length);
	});
	const first = kernel.drain();
	expect(first).toBe(records);
	expect(first).toBeLessThan(written() - before);
	await until("the rest", 5_000, () => records === written() - before || undefined);
	kernel.stop();
});

test("the event loop turns between batches", async () => {
	connectALot();
	const order: string[] = [];
	const turn = () => {
		order.push("turn");
		immediate = setImmediate(turn);
	};
	let immediate = setImmediate(turn);
	kernel.start(BATCH, () => order.push("batch"));
	await until("ten batches", 5_000, () => order.filter((what) => what === "batch").length > 10 || undefined);
	kernel.stop();
	clearImmediate(immediate);
	expect(order.join(" ")).not.toContain("batch batch");
});

test("nothing is delivered after stop, even if the callback itself stops", async () => {
	connectALot();
	let batches = 0;
	kernel.start(BATCH, () => {
		batches++;
		kernel.stop();
	});
	await until("a batch", 5_000, () => batches || undefined);
	await new Promise((resolve) => setTimeout(resolve, 50));
	expect(batches).toBe(1);
	expect(() => kernel.drain()).toThrow("no reader");
});

test("a drain within the callback does nothing: the buffer is in use", async () => {
	connectALot();
	const inner: number[] = [];
	kernel.start(BATCH, () => inner.push(kernel.drain()));
	kernel.drain();
	kernel.stop();
	expect(inner).toEqual([0]);
});

test("a batch that cannot hold the largest record is refused", () => {
	expect(() => kernel.start(1_000, () => {})).toThrow(expect.objectContaining({ code: "EINVAL" }));
});

test("a started reader keeps the process alive, a stopped one does not", async () => {
	const outcome = await inChild("setTimeout(() => { console.log('still here'); kernel.stop(); }, 200)", "() => {}");
	expect(outcome).toMatchObject({ code: 0, stdout: "still here\n" });
});

test("an error thrown by the callback is an uncaught exception", async () => {
	connectALot();
	const outcome = await inChild("", "() => { throw new Error('from the callback') }");
	expect(outcome.code).not.toBe(0);
	expect(outcome.stderr).toContain("from the callback");
});

const CONNECTIONS = 300;

/** Each attempt is refused and counted. None of the processes is left when this returns. */
function connectALot(): void {
	const loop = `for i in $(seq ${CONNECTIONS}); do exec 3<>/dev/tcp/127.0.0.1/1; done 2>/dev/null; true`;
	const [command = "", ...args] = scratch.cgroup.wrap(["bash", "-c", loop]);
	must(command, ...args);
}

function written(): number {
	return Number(
		kernel
			.sum("counters")
			.subarray(COUNT.event, COUNT.event + 8)
			.reduce((sum, count) => sum + count, 0n),
	);
}

function recordsIn(batch: Buffer, length: number): number {
	let records = 0;
	for (let at = 0; at < length; at += Math.ceil(batch.readUInt16LE(at + HEAD.size) / 8) * 8) records++;
	return records;
}

function emptyRing(): void {
	kernel.start(1 << 20, () => {});
	while (kernel.drain() > 0);
	kernel.stop();
}

function inChild(script: string, onBatch: string) {
	const options = JSON.stringify({ pins: scratch.pins, cgroup: scratch.cgroup.path, sizes: {} });
	const program = `
		import { openAddon } from "${ROOT}/src/native/addon.ts";
		const kernel = openAddon().load(${options});
		kernel.start(${BATCH}, ${onBatch});
		${script}`;
	return run([NODE, "--input-type=module", "-e", program], { timeout: 10_000 });
}
