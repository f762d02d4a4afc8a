/** The parsers of npm run test:vm for captures and consoles of its guests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../../support/paths.ts";
import { sentTo } from "../../vm/capture.ts";
import { panicIn } from "../../vm/console.ts";
import { suites } from "../../vm/suite.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-guest-"));
afterAll(() => rmSync(folder, { recursive: true }));

const GUEST = "52:54:00:12:34:56";
const GATEWAY = "52:55:0a:00:02:02";

function frame(from: string, type: number, to: string): Buffer {
	const bytes = Buffer.alloc(60);
	Buffer.from(from.replaceAll(":", ""), "hex").copy(bytes, 6);
	bytes.writeUInt16BE(type, 12);
	Buffer.from(to.split(".").map(Number)).copy(bytes, 30);
	return bytes;
}

function captured(...frames: Buffer[]) {
	const packets = frames.map((bytes) => {
		const header = Buffer.alloc(16);
		header.writeUInt32LE(bytes.length, 8);
		header.writeUInt32LE(bytes.length, 12);
		return Buffer.concat([header, bytes]);
	});
	const file = join(folder, "capture");
	writeFileSync(file, Buffer.concat([Buffer.alloc(24), ...packets]));
	return sentTo(file, GUEST, "198.51.100.9");
}

test("a capture is counted by source and destination", () => {
	expect(captured()).toEqual({ sent: 0, to: 0 });
	expect(captured(frame(GATEWAY, 0x0806, "0.0.0.0"), frame(GATEWAY, 0x0800, "198.51.100.9"))).toEqual({
		sent: 0,
		to: 0,
	});
	const own = [frame(GUEST, 0x0806, "0.0.0.0"), frame(GUEST, 0x0800, "198.51.100.9"), frame(GUEST, 0x0800, "10.0.2.3")];
	expect(captured(...own)).toEqual({ sent: 3, to: 1 });
});

test("a panic is reported with its time and cause", () => {
	expect(panicIn("[    1.5] Run /sbin/init as init process\r\n[   30.1] systemd[1]: Started\r\n")).toBeNull();
	const console = [
		"[    2.916417] evm: HMAC attrs: 0x1",
		"[    3.110000] int3: 0000 [#1] PREEMPT SMP NOPTI",
		"[    3.110500] RIP: 0010:sched_clock_cpu+0xe/0x10",
		"[    3.120000] Kernel panic - not syncing: Fatal exception in interrupt",
	].join("\r\n");
	expect(panicIn(console)).toBe(
		"the kernel panicked 3.1 s after power-on: Kernel panic - not syncing: Fatal exception in interrupt; " +
			"int3: 0000 [#1] PREEMPT SMP NOPTI; RIP: 0010:sched_clock_cpu+0xe/0x10",
	);
});

test("every test of test/e2e is in the suite e2e, or is left out with a reason", () => {
	const { command, left } = suites(ROOT, ["e2e"]);
	expect(command).toContain("test/e2e/names.test.ts");
	for (const each of left) {
		const [, file = "", why = ""] = /^(e2e\/\S+): (.+)$/.exec(each) ?? [];
		expect(command).not.toContain(file);
		expect(why).not.toBe("");
	}
	expect(suites(ROOT, ["bypass S7"]).left).toEqual([]);
});
