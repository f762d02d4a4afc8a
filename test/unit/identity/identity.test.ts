import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { KeptArguments } from "../../../src/base/config.ts";
import { CgroupTable } from "../../../src/identity/cgroup-table.ts";
import { rootFirst } from "../../../src/identity/exe-paths.ts";
import { keepArguments } from "../../../src/identity/kept-arguments.ts";
import { ProcessTable } from "../../../src/identity/process-table.ts";
import { readProc } from "../../../src/identity/read-proc.ts";
import { groupId, Users } from "../../../src/identity/users.ts";
import type { CgroupEvent, ProcessEvent } from "../../../src/native/event-objects.ts";
import { startTime } from "../../../src/system/lock.ts";

test("users are read from the file, and read again when it changes", () => {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	const file = join(folder, "passwd");
	writeFileSync(file, "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\nweb:x:1000:1000::/:/bin/sh\n");
	let now = 0;
	const users = new Users(file, () => now);
	expect([users.nameOf(0), users.nameOf(1000), users.nameOf(7), users.uidOf("toor"), users.uidOf("x")]).toEqual([
		"root",
		"web",
		null,
		0,
		null,
	]);
	writeFileSync(file, "agent:x:1000:1000::/:/bin/sh\n");
	now = 6_000;
	expect(users.nameOf(1000)).toBe("agent");
	rmSync(folder, { recursive: true });
	now = 20_000;
	expect(users.nameOf(1000)).toBe("agent");
});

test("groups by name", () => {
	expect(groupId("root")).toBe(0);
	expect(groupId("no-such-group")).toBeNull();
	expect(groupId("root", "/nonexistent")).toBeNull();
});

test("a process whose event was lost is read from /proc, unless another process has its pid", () => {
	const ticks = startTime(process.pid) ?? 0;
	const info = readProc(process.pid, ticks * 1e7 + 3_000_000);
	expect(info).toMatchObject({ pid: process.pid, ppid: process.ppid, uid: process.getuid?.() });
	expect(info?.exe).toBeTruthy();
	expect(info?.args).toContain("node");
	expect(readProc(process.pid, ticks * 1e7 - 5e9)).toBeNull();
	expect(readProc(999_999_999, 0)).toBeNull();
});

test("leaf-first paths are reversed", () => {
	expect(rootFirst("curl/bin/usr/")).toBe("/usr/bin/curl");
	expect(rootFirst("x/")).toBe("/x");
});

test("a cgroup announced after its first event is filled in for the record that refers to it", () => {
	const table = new CgroupTable(10, (path) => ({ unit: path, container: null }));
	const early = table.of(5);
	expect(early).toMatchObject({ path: null });
	const path = "system.slice/a.service/";
	table.learn({ cgroupId: 5, path, named: path, flags: 0 } as CgroupEvent);
	expect(early).toMatchObject({ path: "system.slice/a.service", unit: "system.slice/a.service" });
	expect(table.of(0)).toBeNull();
});

test("arguments are redacted before the table keeps them, from the kernel and from /proc", () => {
	const start = (startTime(process.pid) ?? 0) * 1e7;
	const processes = (how: KeptArguments) =>
		new ProcessTable({
			limit: 10,
			readsPerBatch: 1,
			readProc: (pid) => read(pid, start),
			keepArguments: keepArguments(how),
		});
	const event = { tgid: 7, start: 1, args: "mysql\0-phunter2\0shop" } as ProcessEvent;
	const kept = (how: KeptArguments) => {
		const table = processes(how);
		table.learn(event);
		return [table.of(event, 0, null)?.args, table.of({ ...event, tgid: 8 }, 0, null)?.args];
	};
	expect(kept("redacted")).toEqual(["mysql\0-p***\0shop", "mysql\0-p***\0shop"]);
	expect(kept("full")).toEqual(["mysql\0-phunter2\0shop", "mysql\0-phunter2\0shop"]);
	expect(kept("none")).toEqual(["", ""]);

	function read(pid: number, start: number) {
		const info = readProc(process.pid, start);
		return info === null ? null : { ...info, pid, args: event.args };
	}
});

test("of a long command line only the beginning is read, and a secret that it cuts is redacted", async () => {
	const secret = "hunter2".repeat(10);
	const script = "setTimeout(() => {}, 60000)";
	/* The secret begins 20 bytes before the limit. */
	const padding = "x".repeat(511 - 20 - "--token=".length - [process.execPath, "-e", script, ""].join("\0").length - 1);
	const child = spawn(process.execPath, ["-e", script, padding, `--token=${secret}`]);
	try {
		await once(child, "spawn");
		const pid = child.pid ?? 0;
		await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain(secret);
		const info = readProc(pid, (startTime(pid) ?? 0) * 1e7);
		expect(info?.args).toContain("--token=hunt");
		expect(Buffer.byteLength(info?.args ?? "")).toBeLessThan(512);
		const kept = keepArguments("redacted")(info?.args ?? "");
		expect(kept).toContain("--token=***");
		expect(kept).not.toContain("hunt");
	} finally {
		child.kill();
	}
});
