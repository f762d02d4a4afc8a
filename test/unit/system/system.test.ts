import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock, startTime } from "../../../src/system/lock.ts";
import { cgroup2Mount, mountOf, parseMountinfo, visiblePath } from "../../../src/system/mounts.ts";
import { watchFile } from "../../../src/system/watch-file.ts";
import { until } from "../../support/run.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MOUNTINFO = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 254:2 / /usr rw,relatime - ext4 /dev/vda2 rw
30 22 254:3 /data /srv/my\\040data rw - xfs /dev/vdb rw
31 22 254:3 / /mnt/all rw - xfs /dev/vdb rw
40 22 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
41 22 0:27 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
`;
const DEVICE = (major: number, minor: number) => major * 0x100000 + minor;

test("mounts are read, with escapes and devices", () => {
	const mounts = parseMountinfo(MOUNTINFO);
	expect(mounts[2]).toEqual({ device: DEVICE(254, 3), root: "/data", point: "/srv/my data", type: "xfs" });
	expect(cgroup2Mount(MOUNTINFO)?.point).toBe("/sys/fs/cgroup/unified");
	expect(cgroup2Mount("")).toBeNull();
});

test("an executable is shown below the mount that shows most of its file system", () => {
	const mounts = parseMountinfo(MOUNTINFO);
	expect(visiblePath(mounts, DEVICE(254, 1), "/opt/x")).toBe("/opt/x");
	expect(visiblePath(mounts, DEVICE(254, 2), "/bin/curl")).toBe("/usr/bin/curl");
	expect(visiblePath(mounts, DEVICE(254, 3), "/data/agent")).toBe("/mnt/all/data/agent");
	expect(visiblePath(mounts, DEVICE(0, 27), "/usr/bin/node")).toBe("/var/lib/docker/overlay2/abc/merged/usr/bin/node");
	expect(visiblePath(mounts, DEVICE(9, 9), "/bin/x")).toBe("/bin/x");
});

test("the mount of a path", () => {
	const mounts = parseMountinfo(MOUNTINFO);
	expect(mountOf(mounts, "/usr/bin/curl")).toMatchObject({ mount: { device: DEVICE(254, 2) }, path: "/bin/curl" });
	expect(mountOf(mounts, "/srv/my data/agent")).toMatchObject({ path: "/data/agent" });
	expect(mountOf(mounts, "/usrlocal/x")).toMatchObject({ mount: { device: DEVICE(254, 1) }, path: "/usrlocal/x" });
});

test("a second daemon on the same pins is refused with the pid of the first", async () => {
	const path = join(folder, "a.lock");
	writeFileSync(path, `${process.ppid} ${startTime(process.ppid)}\n`);
	await expect(acquireLock(path, "the pins")).rejects.toMatchObject({
		code: "ALREADY_RUNNING",
		message: expect.stringContaining(String(process.ppid)),
	});
});

test("the lock of a dead process or of a reused pid is taken over, and release removes it", async () => {
	const path = join(folder, "run/a.lock");
	const first = await acquireLock(path, "the pins");
	first.release();
	expect(() => readFileSync(path)).toThrow();
	for (const stale of ["999999999 5\n", `${process.ppid} 1\n`, "rubbish", ""]) {
		writeFileSync(path, stale);
		const lock = await acquireLock(path, "the pins");
		expect(readFileSync(path, "utf8")).toBe(`${process.pid} ${startTime(process.pid)}\n`);
		lock.release();
	}
});

test("a written or replaced file is reported after the quiet time", async () => {
	const path = join(folder, "policy.yaml");
	writeFileSync(path, "a");
	let changes = 0;
	const watcher = watchFile(path, 30, () => changes++);
	const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
	await wait(300);
	changes = 0;
	writeFileSync(path, "b");
	writeFileSync(path, "c");
	await wait(150);
	expect(changes).toBe(1);
	writeFileSync(`${path}.new`, "d");
	renameSync(`${path}.new`, path);
	await wait(150);
	expect(changes).toBe(2);
	writeFileSync(join(folder, "other"), "x");
	await wait(100);
	expect(changes).toBe(2);
	watcher.close();
});

test("a file is watched while its folders are created, removed and created again", async () => {
	const path = join(folder, "systemd/resolve/resolv.conf");
	let changes = 0;
	const watcher = watchFile(path, 30, () => changes++);
	const changed = async (what: () => void) => {
		const before = changes;
		what();
		await until("a change event", 2_000, () => changes > before);
		await new Promise((resolve) => setTimeout(resolve, 100));
	};
	for (let round = 0; round < 3; round++) {
		await changed(() => mkdirSync(join(folder, "systemd/resolve"), { recursive: true }));
		await changed(() => writeFileSync(path, "nameserver 192.0.2.1"));
		await changed(() => writeFileSync(path, "nameserver 192.0.2.2"));
		await changed(() => rmSync(join(folder, "systemd"), { recursive: true }));
	}
	const before = changes;
	writeFileSync(join(folder, "other"), "x");
	await new Promise((resolve) => setTimeout(resolve, 100));
	expect(changes).toBe(before);
	watcher.close();
});
