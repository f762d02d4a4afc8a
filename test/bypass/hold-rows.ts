/** A family's rows as tests: each must show what is known of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SLOW } from "../support/run.ts";
import type { Family } from "./families.ts";
import { EXPECTED, finding, runRow } from "./runner.ts";
import { Scene } from "./scene.ts";

export function holdRows({ title, rows }: Family): void {
	describe(title, () => {
		let scene: Scene;
		beforeAll(async () => {
			scene = await Scene.make();
		}, 60_000 * SLOW);
		afterAll(() => scene?.close());

		for (const [index, row] of rows.entries()) {
			test(`${row.id} ${row.kind === "stop" ? "is stopped" : "passes"}: ${row.title}`, async () => {
				const outcome = await runRow(scene, row, index + 1);
				const { arrived, told, recorded } = outcome;
				expect(EXPECTED, `${arrived} bytes arrived; ${recorded}; the client saw ${told}`).toContain(finding(outcome));
			});
		}
	});
}
