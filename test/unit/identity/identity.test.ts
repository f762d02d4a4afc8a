import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CgroupTable } from "../../../src/identity/cgroup-table.ts";
import { rootFirst } from "../../../src/identity/exe-paths.ts";
import { readProc } from "../../../src/identity/read-proc.ts";
import { groupId, Users } from "../../../src/identity/users.ts";
import type { CgroupEvent } from "../../../src/native/event-objects.ts";
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
