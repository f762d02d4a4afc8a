/** The parsers' findings in the project's own captures, and in the corpus if present, match the manifests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OWN_CAPTURES, ownCaptures } from "../captures/own.ts";
import { addon, Scratch } from "../native/scratch.ts";
import { compare } from "./compare.ts";
import { readManifest } from "./manifest.ts";
import { observe } from "./observe.ts";
import { type Both, inBoth } from "./parser-pair.ts";

let scratch: Scratch;
let both: Both;

beforeAll(() => {
	scratch = new Scratch();
	both = inBoth(addon, scratch.load({ detached: true }));
});
afterAll(() => scratch.close());

test("the files are as the script generates them", () => {
	for (const { file, bytes } of ownCaptures()) expect(readFileSync(join(OWN_CAPTURES, file)), file).toEqual(bytes);
	expect(readManifest(OWN_CAPTURES)).toEqual(ownCaptures().map(({ row }) => row));
});

describe.each(readManifest(OWN_CAPTURES)!)("$file", (row) => {
	test("is parsed in the kernel and in user space as its manifest says", async () => {
		const outcomes = compare(row, await observe(OWN_CAPTURES, row.file, both.parse));
		expect(outcomes).not.toEqual([]);
		expect(outcomes.filter(({ kind }) => kind !== "agreed")).toEqual([]);
	});
});
