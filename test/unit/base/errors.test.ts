import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXIT, exitCodeOf, SallyportError, sentence } from "../../../src/base/errors.ts";

test("every exit code is a row of the table in docs/cli.md, and every row is an exit code", () => {
	const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
	const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map((row) => [row[2], Number(row[1])]);
	expect(Object.fromEntries(rows)).toEqual(EXIT);
});

test("codes are all different, and none is Node's own 13 (top-level await that never settles)", () => {
	expect(Object.values(EXIT)).not.toContain(13);
	expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length);
});

test("an error states the cause and the fix", () => {
	const error = new SallyportError("NO_BTF", "No BTF.", "Boot another kernel.");
	expect(sentence(error)).toBe("No BTF. Boot another kernel.");
	expect(exitCodeOf(error)).toBe(22);
	expect(exitCodeOf(new Error("x"))).toBe(1);
});
