/** The rows that are known to be open exist, and README.md lists them with the same text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FAMILIES } from "../bypass/families.ts";
import { OPEN, WAITING } from "../bypass/known.ts";
import { ROOT } from "../support/paths.ts";

const rows = Object.values(FAMILIES).flatMap((family) => family.rows.map(({ id }) => id));
const listed = [...OPEN, ...WAITING].flatMap((known) => known.rows);

test("every row has an id of its own", () => {
	expect(rows.filter((id, at) => rows.indexOf(id) !== at)).toEqual([]);
});

test("every numbered case of sockets (S) and names (N) has a row", () => {
	const cases = [...range("S", 10), ...range("N", 18)];
	expect(cases.filter((id) => !rows.some((row) => row.startsWith(id) && !/^\d/.test(row.slice(id.length))))).toEqual(
		[],
	);
});

test("every listed row exists, and is listed once", () => {
	expect(listed.filter((id) => !rows.includes(id))).toEqual([]);
	expect(listed.filter((id, at) => listed.indexOf(id) !== at)).toEqual([]);
});

test("README.md lists the open rows with the same text", () => {
	const readme = readFileSync(join(ROOT, "README.md"), "utf8").replace(/\s+/g, " ");
	for (const { why } of OPEN) expect(readme).toContain(why);
});

function range(letter: string, count: number): string[] {
	return Array.from({ length: count }, (_, at) => `${letter}${at + 1}`);
}
