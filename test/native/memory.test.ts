import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { addon } from "./scratch.ts";

test("memory that only the start needs is released, and is mapped again on use", () => {
	const before = resident();
	addon.releaseMemory();
	const after = resident();
	expect(after.ofFiles).toBeLessThan(before.ofFiles / 2);
	/* Pages of code and tables that the kernel dropped are read from their files again. */
	expect(JSON.parse(JSON.stringify({ at: new Date(0).toISOString() }))).toEqual({ at: "1970-01-01T00:00:00.000Z" });
	expect(addon.libbpfVersion).toMatch(/^\d+\.\d+$/);
});

/** [kB] */
function resident(): { readonly ofFiles: number } {
	return { ofFiles: Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) };
}
