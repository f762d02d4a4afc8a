/** A daemon killed by a memory limit, under load: the kernel keeps enforcing, and systemd starts a daemon that adopts its state. */
import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { check, underLoad } from "../check.mjs";
import { mainPid, must, property, run, running, status, until } from "../host.mjs";

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ outside }) {
	const limit = existsSync(HIERARCHY) ? new LimitByHierarchy() : new LimitBySystemd();
	limit.prepare();
	try {
		await running();
		await check("out of memory under load", async () => {
			const before = status();
			const pid = mainPid();
			const met = await underLoad(outside, async () => {
				const ease = limit.press();
				try {
					await until("it is killed", 60, () => mainPid() !== pid);
				} finally {
					ease();
				}
				await until("the next one runs", 60, () => mainPid() > 0 && status().pid !== pid);
			});
			const after = status();
			assert.equal(after.adopted, true);
			assert.equal(after.events.lost, 0);
			assert.ok(after.denied > before.denied, `denials go on from ${before.denied}: ${after.denied}`);
			const { code, out } = run(
				"journalctl",
				"-u",
				"sallyport",
				"-o",
				"cat",
				"--grep",
				"status=9/KILL|oom-kill",
				"-n",
				"1",
			);
			assert.equal(code, 0, "the journal reports the kill");
			return `${met}; denied ${before.denied} before, ${after.denied} after; ${out.trim()}`;
		});
	} finally {
		limit.undo();
	}
}

class LimitBySystemd {
	prepare() {}

	press() {
		set("infinity", "30M");
		return () => set("384M", "512M");
	}

	undo() {
		must("systemctl", "revert", "sallyport");
	}
}

/** @param {string} high @param {string} max */
const set = (high, max) =>
	must("systemctl", "set-property", "--runtime", "sallyport", `MemoryHigh=${high}`, `MemoryMax=${max}`);

/* Where memory is a cgroup v1 hierarchy, systemd's limits have no effect, and memory already charged does not move with a process. */
const HIERARCHY = "/mnt/memory";

class LimitByHierarchy {
	#folder = `${HIERARCHY}/daemon`;

	prepare() {
		mkdirSync(this.#folder, { recursive: true });
		chownSync(`${this.#folder}/cgroup.procs`, Number(must("id", "-u", "sallyport")), 0);
		const start = property("sallyport", "ExecStart").match(/argv\[\]=(.*?) ;/)?.[1];
		mkdirSync(DROP_IN, { recursive: true });
		const enter = `/bin/sh -c 'echo $$$$ > ${this.#folder}/cgroup.procs && exec ${start}'`;
		writeFileSync(`${DROP_IN}/memory.conf`, `[Service]\nReadWritePaths=${HIERARCHY}\nExecStart=\nExecStart=${enter}\n`);
		must("systemctl", "daemon-reload");
		must("systemctl", "restart", "sallyport");
	}

	/* The kernel refuses a limit below the memory that it cannot reclaim, so limits are tried from the lowest. */
	press() {
		/** @param {number} bytes */
		const write = (bytes) => writeFileSync(`${this.#folder}/memory.limit_in_bytes`, String(bytes));
		const timer = setInterval(() => {
			const used = Number(readFileSync(`${this.#folder}/memory.usage_in_bytes`, "utf8"));
			for (const less of [8 << 20, 2 << 20, 0]) {
				try {
					return write(used - less);
				} catch {
					/* The next one is higher. */
				}
			}
		}, 100);
		return () => {
			clearInterval(timer);
			write(-1);
		};
	}

	undo() {
		rmSync(DROP_IN, { recursive: true });
		must("systemctl", "daemon-reload");
		must("systemctl", "restart", "sallyport");
		rmdirSync(this.#folder);
	}
}

const DROP_IN = "/run/systemd/system/sallyport.service.d";
