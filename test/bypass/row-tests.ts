/** Runs a family's rows as tests. Each must have its expected result. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SLOW } from "../support/run.ts";
import type { Family } from "./families.ts";
import { Fixture } from "./fixture.ts";
import { EXPECTED, finding, runRow } from "./runner.ts";

export function testRows({ title, rows }: Family): void {
	describe(title, () => {
		let fixture: Fixture;
		beforeAll(async () => {
			fixture = await Fixture.make();
		}, 60_000 * SLOW);
		afterAll(() => fixture?.close());

		for (const [index, row] of rows.entries()) {
			test(`${row.id} ${row.kind === "stop" ? "is stopped" : "passes"}: ${row.title}`, async () => {
				const outcome = await runRow(fixture, row, index + 1);
				const { arrived, clientSaw, recorded } = outcome;
				expect(EXPECTED, `${arrived} bytes arrived; ${recorded}; the client saw ${clientSaw}`).toContain(
					finding(outcome),
				);
			});
		}
	});
}
