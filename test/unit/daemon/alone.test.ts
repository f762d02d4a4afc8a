/** A second daemon at the same cgroup or pins is refused, whatever its runtime directory; and a socket that is removed. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { OBSERVE_POLICY } from "../../../src/base/config.ts";
import { readMountinfo } from "../../../src/enforce/policy-environment.ts";
import { watchedCgroup } from "../../../src/system/cgroup.ts";
import { startTime } from "../../../src/system/lock.ts";
import { until } from "../../support/run.ts";
import { Daemons, onCgroup2 } from "../support/daemons.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

let daemons: Daemons;
let ends: (() => void)[];
beforeEach(() => {
	daemons = new Daemons(OBSERVE_POLICY);
	ends = [];
});
afterEach(async () => {
	for (const end of ends) end();
	await daemons.close();
});

/** A lock of the host that another process holds, as another daemon with another --runtime-dir does. */
function heldBy(name: string): number {
	const other = spawn("sleep", ["60"]);
	ends.push(() => other.kill("SIGKILL"));
	mkdirSync(daemons.hostDir, { recursive: true });
	writeFileSync(join(daemons.hostDir, name), `${other.pid} ${startTime(other.pid ?? 0)}\n`);
	return other.pid ?? 0;
}

onCgroup2(
	"a daemon at the cgroup of another is refused with the other's pid; one that only observes is not",
	async () => {
		const pid = heldBy(`cgroup-${cgroupId()}.lock`);
		const start = daemons.start(new FakeKernel());
		await expect(start).rejects.toMatchObject({
			code: "ALREADY_RUNNING",
			message: expect.stringMatching(new RegExp(`^Another Sallyport \\(process ${pid}\\) uses the cgroup /`)),
			hint: "Stop it first, or start this one with another --cgroup.",
		});
		await daemons.start(new FakeKernel(), { forceObserve: true });
	},
);

onCgroup2("a daemon with the pins of another is refused, although their runtime directories differ", async () => {
	const pins = join(daemons.folder, "pins");
	const pid = heldBy(`${pins.slice(1).replaceAll("/", "-")}.lock`);
	await expect(daemons.start(new FakeKernel())).rejects.toMatchObject({
		code: "ALREADY_RUNNING",
		message: `Another Sallyport (process ${pid}) uses the pins at ${pins}.`,
	});
});

onCgroup2("the locks of a daemon that was killed, or has stopped, are free", async () => {
	mkdirSync(daemons.hostDir, { recursive: true });
	writeFileSync(join(daemons.hostDir, `cgroup-${cgroupId()}.lock`), `${process.pid} 1\n`);
	const first = await daemons.start(new FakeKernel());
	await first.stop();
	await daemons.start(new FakeKernel(), { runtimeDir: join(daemons.folder, "other") });
});

onCgroup2("without access to the directory of the host's locks a daemon starts, and logs it", async () => {
	writeFileSync(join(daemons.folder, "file"), "");
	daemons.hostDir = join(daemons.folder, "file");
	await daemons.start(new FakeKernel());
	expect(daemons.lines.join("")).toContain("would not be noticed");
});

onCgroup2("a removed socket is made again, and readyz says so while it cannot be", async () => {
	const folder = join(daemons.folder, "socket");
	const port = 30_000 + (process.pid % 20_000);
	await daemons.start(new FakeKernel(), { socket: join(folder, "api.sock"), listen: `127.0.0.1:${port}` });
	const ready = async () => {
		const response = await fetch(`http://127.0.0.1:${port}/readyz`);
		return [response.status, ((await response.json()) as { checks: { socket: string } }).checks.socket] as const;
	};
	expect(await ready()).toEqual([200, "ok"]);
	rmSync(folder, { recursive: true });
	writeFileSync(folder, "in the way");
	await until("not ready", 10_000, async () => (await ready())[0] === 503 || undefined);
	expect((await ready())[1]).toContain("was removed or replaced, and cannot be made again");
	rmSync(folder);
	await until("ready", 10_000, async () => (await ready())[0] === 200 || undefined);
});

const cgroupId = () => watchedCgroup(null, readMountinfo()).id;
