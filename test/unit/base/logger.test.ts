/** Log lines: levels, journal priorities, and the text of errors. */
import { expect, test } from "vitest";
import { errorCodeOf, SallyportError } from "../../../src/base/errors.ts";
import { guarded, jsonLogger, withPriority } from "../../../src/base/logger.ts";

test("a line for the journal begins with the priority of its level, others with the JSON", () => {
	const lines: string[] = [];
	const log = jsonLogger((line) => lines.push(line), { level: "debug", journal: true });
	for (const level of ["debug", "info", "warn", "error"] as const) log[level](`an ${level}`);
	expect(lines.map((line) => line.slice(0, 4))).toEqual(["<7>{", "<6>{", "<4>{", "<3>{"]);
	expect(JSON.parse(lines[3]?.slice(3) ?? "")).toMatchObject({ level: "error", message: "an error" });
	jsonLogger((line) => lines.push(line)).error("x");
	expect(lines.at(-1)).toMatch(/^\{/);
});

test("each line of a longer text has its priority", () => {
	expect(withPriority("one\n  two\n\n", "error", true)).toBe("<3>one\n<3>  two\n\n");
	expect(withPriority("one\n", "error", false)).toBe("one\n");
});

test("below the level nothing is written; an error is its code and message", async () => {
	const lines: string[] = [];
	const log = jsonLogger((line) => lines.push(line), { level: "error" });
	log.warn("not this");
	await guarded(log, "work", () => {
		throw Object.assign(new Error("no such file"), { code: "ENOENT" });
	});
	expect(lines).toHaveLength(1);
	expect(JSON.parse(lines[0] ?? "")).toMatchObject({ message: "work failed", error: "ENOENT: no such file" });
});

test("the code of an error; null for other values and codes that are no text", () => {
	expect(errorCodeOf(new SallyportError("NO_BTF", "x"))).toBe("NO_BTF");
	for (const other of [new Error("x"), { code: "ENOENT" }, null, Object.assign(new Error("x"), { code: 5 })])
		expect(errorCodeOf(other)).toBeNull();
});
