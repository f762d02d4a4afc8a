/** The development launcher and the package start Node with the same options, so measurements of one apply to the other. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-launchers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function executable(path: string, text: string): string {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, text);
	chmodSync(path, 0o755);
	return path;
}

/** The command line with which Node would start. */
function startOf(launcher: string, node: string): { switches: string[]; arena: string; cache: string; last: string } {
	executable(node, '#!/bin/sh\nprintf "%s\\n" "$MALLOC_ARENA_MAX" "$NODE_COMPILE_CACHE" "$@"\n');
	const env = { PATH: "/usr/bin:/bin" };
	const lines = execFileSync(launcher, ["status"], { encoding: "utf8", env }).trimEnd().split("\n");
	const [arena = "", cache = "", ...args] = lines;
	return { arena, cache, switches: args.filter((each) => each.startsWith("--")), last: args.at(-1) ?? "" };
}

test("both start Node with the same options, one malloc arena and a compile cache", () => {
	const development = startOf(
		executable(join(folder, "scripts/sallyport"), readFileSync(join(ROOT, "scripts/sallyport"), "utf8")),
		join(folder, "node_modules/.bin/node"),
	);
	const node = join(folder, "usr/lib/sallyport/node");
	const text = readFileSync(join(ROOT, "systemd/sallyport.sh"), "utf8");
	expect(text).toContain("/usr/lib/sallyport/node ");
	const packaged = startOf(
		executable(join(folder, "sallyport.sh"), text.replace("/usr/lib/sallyport/node ", `${node} `)),
		node,
	);
	for (const { arena, cache, last } of [development, packaged]) {
		expect(arena).toBe("1");
		expect(cache).not.toBe("");
		expect(last).toBe("status");
	}
	expect(development.switches).not.toEqual([]);
	expect(packaged.switches).toEqual(development.switches);
});
