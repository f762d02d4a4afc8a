import { afterAll, beforeAll, expect, test } from "vitest";
import type { Kernel } from "../../src/native/binding.ts";
import { CONTROL, COUNTERS, NAME, POLICY_HEAD } from "../../src/native/layout.ts";
import { Scratch } from "./scratch.ts";

let scratch: Scratch;
let kernel: Kernel;
beforeAll(() => {
	scratch = new Scratch();
	kernel = scratch.load({ detached: true, sizes: { names: 8_192 } });
});
afterAll(() => scratch.close());

test("a value is found under its key until it is removed", () => {
	const [key, value] = [Buffer.alloc(16, 1), Buffer.from([1, 2, 3, 4])];
	expect(kernel.lookup("resolvers", key)).toBeNull();
	kernel.update("resolvers", key, value);
	expect(kernel.lookup("resolvers", key)).toEqual(value);
	expect(kernel.remove("resolvers", key)).toBe(true);
	expect(kernel.remove("resolvers", key)).toBe(false);
	expect(kernel.lookup("resolvers", key)).toBeNull();
});

test("a dump has every entry once, keys and values padded to 8 bytes", () => {
	for (let i = 0; i < 50; i++) kernel.update("resolvers", Buffer.alloc(16, i), Buffer.from([i, 0, 0, 9]));
	const { keys, values, count } = kernel.dump("resolvers");
	expect([count, keys.length, values.length]).toEqual([50, 50 * 16, 50 * 8]);
	const seen = new Map(Array.from({ length: count }, (_, i) => [keys[i * 16], values.subarray(i * 8, i * 8 + 8)]));
	expect(seen.size).toBe(50);
	for (const [first, value] of seen) expect(value).toEqual(Buffer.from([first ?? 0, 0, 0, 9, 0, 0, 0, 0]));
});

test("the dump of an empty map is empty, and its buffers can be viewed like any other", () => {
	const { keys, values, count } = kernel.dump("flows");
	expect(count).toBe(0);
	for (const { buffer, byteOffset, length } of [keys, values]) {
		expect(new DataView(buffer, byteOffset, length).byteLength).toBe(0);
	}
});

test("a dump of more than a batch is complete", () => {
	const key = Buffer.alloc(8);
	const value = Buffer.alloc(NAME.bytes);
	for (let i = 1; i <= 3_000; i++) {
		key.writeUInt32LE(i);
		kernel.update("names", key, value);
	}
	const { keys, count } = kernel.dump("names");
	const distinct = new Set(Array.from({ length: count }, (_, i) => keys.readUInt32LE(i * 8)));
	expect([count, distinct.size]).toEqual([3_000, 3_000]);
});

test("per-CPU values are summed", () => {
	const key = Buffer.from([5, 0, 0, 0]);
	kernel.update("counters", key, Buffer.from([200, 1, 0, 0, 0, 0, 0, 0]));
	expect(kernel.lookup("counters", key)?.readBigUInt64LE()).toBe(456n);
	expect(kernel.sum("counters")[5]).toBe(456n);
	expect(kernel.sum("counters")).toHaveLength(COUNTERS);
	expect(kernel.sum("rules")).toHaveLength(2_048 * 4 * 2);
});

test("a policy is installed and read back completely, with its generation", () => {
	expect(kernel.readPolicy()).toBeNull();
	for (const [rows, generation] of [
		[Buffer.alloc(128 * 10_000, 1), 7],
		[Buffer.alloc(128 * 2, 2), 8],
	] as const) {
		kernel.installPolicy(rows, generation);
		expect(kernel.readPolicy()?.equals(rows)).toBe(true);
		expect(kernel.lookup("control", Buffer.alloc(4))?.readUInt32LE()).toBe(generation);
	}
});

test("installing a policy writes its generation and first end, and leaves the rest of control alone", () => {
	const control = Buffer.alloc(CONTROL.bytes, 5);
	kernel.update("control", Buffer.alloc(4), control);
	const rows = Buffer.alloc(128);
	rows.writeBigUInt64LE(0x0102_0304_0506_0708n, POLICY_HEAD.firstEnd);
	kernel.installPolicy(rows, 77);
	control.writeUInt32LE(77, CONTROL.generation);
	control.writeBigUInt64LE(0x0102_0304_0506_0708n, CONTROL.firstEnd);
	expect(kernel.lookup("control", Buffer.alloc(4))).toEqual(control);
});

test.each<[string, () => unknown]>([
	["a key of the wrong size", () => kernel.lookup("resolvers", Buffer.alloc(4))],
	["a value of the wrong size", () => kernel.update("resolvers", Buffer.alloc(16), Buffer.alloc(5))],
	["a policy of half a row", () => kernel.installPolicy(Buffer.alloc(64), 1)],
	["generation 0", () => kernel.installPolicy(Buffer.alloc(128), 0)],
	["a program that is not there", () => kernel.testRun("nothing", Buffer.alloc(64), 1)],
])("%s is refused before it reaches the kernel", (_, work) => {
	expect(work).toThrow(expect.objectContaining({ name: "NativeError", code: "EINVAL", step: "arguments" }));
});

test("entries are counted in another thread, and closing the kernel meanwhile is safe", async () => {
	for (let i = 0; i < 5; i++) kernel.update("questions", Buffer.alloc(32, i + 1), Buffer.alloc(56));
	expect(await kernel.count("questions")).toMatchObject({ entries: 5 });
	expect(await kernel.count("names")).toEqual({ entries: 3_000, capacity: 8_192 });
	const other = new Scratch();
	const closing = other.load({ detached: true });
	const counting = closing.count("names");
	closing.close();
	expect((await counting).entries).toBe(0);
	other.close();
});
