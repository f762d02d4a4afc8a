import { expect, test } from "vitest";
import { RULE_SLOTS } from "../../../src/native/layout.ts";
import { assignSlots } from "../../../src/policy/compile/slots.ts";

const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `g/r${from + i}`);

test("a rule keeps its slot when others are added and removed", () => {
	const first = assignSlots([], ["g/a", "g/b", "g/c"], 1);
	const second = assignSlots(first.entries, ["g/new", "g/c", "g/a"], 2);
	expect([...first.byRule]).toEqual([0, 1, 2]);
	expect([...second.byRule]).toEqual([3, 2, 0]);
	expect(second.recycled).toEqual([]);
});

test("a rule that is added again gets its counter back", () => {
	const first = assignSlots([], ["g/a", "g/b"], 1);
	const without = assignSlots(first.entries, ["g/b"], 2);
	expect(without.entries.find((entry) => entry.key === "g/a")).toEqual({ key: "g/a", slot: 0, removed: 2 });
	expect([...assignSlots(without.entries, ["g/b", "g/c", "g/a"], 3).byRule]).toEqual([1, 2, 0]);
});

test("when no slot is free, that of the rule removed longest ago is reused", () => {
	let slots = assignSlots([], keys(0, 1024), 1);
	slots = assignSlots(slots.entries, keys(1024, 2047), 2);
	slots = assignSlots(slots.entries, keys(2047, 2049), 3);
	expect(slots.recycled).toEqual([0]);
	expect(slots.entries).toHaveLength(RULE_SLOTS);
	expect(slots.entries.some((entry) => entry.key === "g/r0")).toBe(false);
	expect(slots.entries.some((entry) => entry.key === "g/r1")).toBe(true);
	slots = assignSlots(slots.entries, keys(0, 1024), 4);
	expect(new Set(slots.byRule).size).toBe(1024);
	expect(slots.byRule[1]).toBe(1);
});

test("entries survive JSON", () => {
	const first = assignSlots([], ["g/a", "g/b"], 1);
	const again = assignSlots(JSON.parse(JSON.stringify(first.entries)), ["g/b"], 2);
	expect([...again.byRule]).toEqual([1]);
});
