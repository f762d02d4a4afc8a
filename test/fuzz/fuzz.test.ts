/** Each parser: the inputs of earlier findings, and ten seconds of fuzzing. `npm run fuzz` runs longer. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildFuzzer, foundBy, PARSERS } from "./fuzzers.ts";
import { writeSeeds } from "./seeds.ts";

const SECONDS = 10;
/** The first test of a parser compiles it twice [ms]. */
const TIMEOUT = 120_000;

test("there are fuzzers", () => {
	expect(PARSERS).toContain("tls");
});

describe.each(PARSERS)("%s", (parser) => {
	test("inputs of earlier findings pass", { timeout: TIMEOUT }, () => {
		const found = foundBy(parser);
		if (found.length === 0) return;
		const { status, stderr } = spawnSync(buildFuzzer(parser), found, { encoding: "utf8" });
		expect(status, stderr).toBe(0);
	});

	test(`${SECONDS} seconds`, { timeout: TIMEOUT }, async () => {
		const folder = mkdtempSync(join(tmpdir(), "sallyport-fuzz-"));
		try {
			await writeSeeds(parser, folder);
			const flags = [`-max_total_time=${SECONDS}`, "-max_len=4096", "-verbosity=0", "-print_final_stats=1"];
			const artifacts = `-artifact_prefix=${folder}/finding-`;
			const { status, stderr } = spawnSync(buildFuzzer(parser), [...flags, artifacts, folder], { encoding: "utf8" });
			expect(status, stderr).toBe(0);
			expect(Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1])).toBeGreaterThan(1000);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});
