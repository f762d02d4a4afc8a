/** Stops, starts, upgrades and failures of the service. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { check, decides, underLoad as underLoadOf } from "../check.mjs";
import { ENFORCE, mainPid, must, policy, property, reach, run, running, settings, status, until } from "../host.mjs";
import { PORTS } from "../outside-addresses.mjs";
import { removal } from "../removal.mjs";

/** @param {import("../checks.mjs").Setting} setting */
export async function rows({ outside, folder, machine }) {
	/** @param {() => unknown} event */
	const underLoad = (event) => underLoadOf(outside, event);
	await check("kill -9 under load", () =>
		underLoad(async () => {
			const pid = mainPid();
			const before = status();
			process.kill(pid, "SIGKILL");
			await until("another process", 60, () => mainPid() !== pid && mainPid() > 0 && status().adopted);
			const after = status();
			assert.ok(after.denied >= before.denied, "counters are continuous");
		}),
	);
	await check("systemctl restart under load", () =>
		underLoad(async () => {
			must("systemctl", "restart", "sallyport");
			assert.equal(status().adopted, true);
		}),
	);
	await check("the watchdog ends a stopped daemon, and the next one takes over", async () => {
		const pid = mainPid();
		process.kill(pid, "SIGSTOP");
		await until("another process", 90, () => mainPid() !== pid && mainPid() > 0);
		await running();
		await decides();
		return property("sallyport", "NRestarts");
	});
	await check("upgrade to a higher version under load", () =>
		underLoad(async () => {
			must("dpkg", "-i", `${folder}/sallyport_0.1.1_amd64.deb`);
			const { version } = await running();
			assert.equal(version, "0.1.1");
		}),
	);
	/* The service reads on_exit when it starts, so the setting for the next stop is made before the start. */
	for (const { onExit, allowed, denied, next } of [
		{ onExit: "keep", allowed: "data", denied: "denied", next: "closed" },
		{ onExit: "closed", allowed: "denied", denied: "denied", next: "open" },
		{ onExit: "open", allowed: "data", denied: "data", next: "keep" },
	]) {
		await check(`systemctl stop with on_exit ${onExit}`, async () => {
			await decides("running");
			must("systemctl", "stop", "sallyport");
			assert.equal(reach(PORTS.allowed), allowed);
			assert.equal(reach(PORTS.denied), denied);
			if (onExit === "open") assert.deepEqual(readdirSync("/sys/fs/bpf/sallyport"), []);
			settings({ SALLYPORT_ON_EXIT: next });
			must("systemctl", "start", "sallyport");
		});
	}
	await check("an invalid policy: the last good one stays in force over a restart, and status reports it", async () => {
		policy("nonsense: [");
		must("systemctl", "restart", "sallyport");
		await decides();
		assert.notEqual(status().policy.failure, null);
		return property("sallyport", "StatusText");
	});
	await check("an invalid policy and none before: exit code 3, and systemd does not restart the service", async () => {
		must("systemctl", "stop", "sallyport");
		must("sallyport", "detach");
		rmSync("/var/lib/sallyport/last-good");
		run("systemctl", "start", "sallyport");
		assert.equal(property("sallyport", "ExecMainStatus"), "3");
		assert.equal(property("sallyport", "ActiveState"), "failed");
		run("systemctl", "restart", "sallyport-early");
		policy(ENFORCE);
		run("systemctl", "reset-failed");
		must("systemctl", "start", "sallyport");
		await decides();
	});
	await check("an early unit without its sandbox, or one that hangs, leaves no gap", async () => {
		must("systemctl", "stop", "sallyport");
		/* A unit that a boot would start next. */
		const later = ["--unit=later", "-p", "DefaultDependencies=no", "-p", "After=network-pre.target"];
		const said = [];
		for (const trouble of ["ReadWritePaths=/not/there", "ExecStart=\nExecStart=sleep 60\nTimeoutStartSec=1"]) {
			must("systemctl", "stop", "sallyport-early", "network-pre.target");
			must("sallyport", "detach");
			earlyUnit(`[Service]\n${trouble}\n`);
			try {
				run("systemctl", "start", "--no-block", "sallyport-early");
				await decides(trouble, ["systemd-run", "-q", "--wait", "--pipe", "--collect", ...later]);
				said.push(property("sallyport-early", "Result"));
			} finally {
				earlyUnit(null);
			}
		}
		must("systemctl", "start", "sallyport");
		assert.equal(status().adopted, true);
		return said.join(", ");
	});
	await check("no /sys/fs/bpf: the service mounts it", async () => {
		must("systemctl", "stop", "sallyport");
		must("sallyport", "detach");
		must("umount", "/sys/fs/bpf");
		must("systemctl", "start", "sallyport");
		await decides();
	});
	if (!machine) await removal();
}

/**
 * Adds a drop-in to the early unit, or removes it.
 *
 * @param {string | null} text
 */
function earlyUnit(text) {
	const folder = "/run/systemd/system/sallyport-early.service.d";
	rmSync(folder, { recursive: true, force: true });
	if (text !== null) {
		mkdirSync(folder, { recursive: true });
		writeFileSync(`${folder}/test.conf`, text);
	}
	must("systemctl", "daemon-reload");
}
