/** Policies that do not fit into memory: refused with their size, and the daemon lives. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { Stage } from "../support/stage.ts";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [] }));
});
afterAll(() => stage?.close());

const HUGE = `a: [${"1,".repeat(1_900_000)}]`;
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${stage.daemon.pid}/status`, "utf8"))?.[1]);

test("a text that takes a gigabyte to parse is refused with its size, by check and by PUT", async () => {
	const { pid } = stage.daemon;
	const before = peak();
	const checked = await stage.daemon.ask("POST", "/v1/policy/check", HUGE);
	expect(checked.status).toBe(200);
	expect(JSON.parse(checked.text)).toMatchObject({ ok: false });
	expect(checked.text).toContain(`${HUGE.length} bytes`);
	expect((await stage.daemon.ask("PUT", "/v1/policy", HUGE)).status).toBe(422);
	expect(stage.daemon.pid).toBe(pid);
	expect(peak() - before, "kB").toBeLessThan(60_000);
	expect((await stage.daemon.ask("GET", "/readyz")).status).toBe(200);
});

test("twenty rules that name one list of a million prefixes cost as much as one", async () => {
	const file = openSync(join(stage.world.folder, "many.txt"), "w");
	for (let at = 0; at < 1_000_000; at += 1_000) {
		const address = (index: number) => 0x0b00_0000 + index * 32;
		const line = (index: number) =>
			`${address(index) >>> 24}.${(address(index) >>> 16) & 255}.${(address(index) >>> 8) & 255}.${address(index) & 255}/28\n`;
		writeSync(file, Array.from({ length: 1_000 }, (_, index) => line(at + index)).join(""));
	}
	closeSync(file);
	const rules = Array.from(
		{ length: 20 },
		(_, at) => `      - { name: r${at}, action: allow, to: { cidr: "@many", ports: ${at + 1} } }`,
	);
	const text = ["version: 1", "lists: { many: { file: many.txt } }", "groups:", "  - name: g", "    rules:", ...rules];
	writeFileSync(stage.daemon.policyFile, text.join("\n"));
	const reloaded = await stage.daemon.ask("POST", "/v1/policy/reload");
	expect(reloaded.status, reloaded.text).toBe(200);
	expect(peak(), "kB").toBeLessThan(300_000);
});
