import type { Logger } from "../base/logger.ts";
import type { RunningDaemon } from "../cli/deps.ts";
import type { ServiceManager } from "../system/notify.ts";

/** Between two status lines without a watchdog [ms]. */
const STATUS = 10_000;

/**
 * Reports the daemon to its service manager (sd_notify(3)): ready, a status line, reloading, stopping, and the
 * watchdog's heartbeat while the event path works.
 */
export function supervise(daemon: RunningDaemon, manager: ServiceManager, log: Logger): RunningDaemon {
	let line = daemon.health().line;
	let stalled = false;
	const beat = () => {
		const health = daemon.health();
		/* Sent at half of the watchdog's interval, so that one late heartbeat does no harm. */
		if (health.problem === null) manager.notify({ WATCHDOG: "1" });
		else if (!stalled) log.error("the event path is stalled; no heartbeat for the watchdog", { cause: health.problem });
		stalled = health.problem !== null;
		const status = health.problem ?? health.line;
		if (status === line) return;
		line = status;
		manager.notify({ STATUS: line });
	};
	manager.notify({ READY: "1", STATUS: line });
	const timer = setInterval(beat, Math.min(STATUS, (manager.watchdog ?? 2 * STATUS) / 2));
	timer.unref();
	return {
		...daemon,
		async reload() {
			manager.notify({ RELOADING: "1", MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n) });
			await daemon.reload();
			line = daemon.health().line;
			manager.notify({ READY: "1", STATUS: line });
		},
		async stop() {
			clearInterval(timer);
			manager.notify({ STOPPING: "1", STATUS: "stopping" });
			await daemon.stop();
		},
	};
}
