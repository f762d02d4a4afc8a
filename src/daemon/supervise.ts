import type { Logger } from "../base/logger.ts";
import type { RunningDaemon } from "../cli/deps.ts";
import type { ServiceManager } from "../system/notify.ts";

/** ms between two lines of status without a watchdog. */
const STATUS = 10_000;

/**
 * The daemon as its service manager sees it: ready once it decides and answers, a line of status, reloading, stopping, and a sign
 * of life only while the event path works.
 */
export function supervise(daemon: RunningDaemon, manager: ServiceManager, log: Logger): RunningDaemon {
	let line = daemon.health().line;
	let ill = false;
	const beat = () => {
		const health = daemon.health();
		/* Half of the time that the manager gives: one late beat is no death. */
		if (health.problem === null) manager.tell({ WATCHDOG: "1" });
		else if (!ill)
			log.error("the event path stands still; no sign of life for the watchdog", { cause: health.problem });
		ill = health.problem !== null;
		const status = health.problem ?? health.line;
		if (status === line) return;
		line = status;
		manager.tell({ STATUS: line });
	};
	manager.tell({ READY: "1", STATUS: line });
	const timer = setInterval(beat, Math.min(STATUS, (manager.watchdog ?? 2 * STATUS) / 2));
	timer.unref();
	return {
		...daemon,
		async reload() {
			manager.tell({ RELOADING: "1", MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n) });
			await daemon.reload();
			line = daemon.health().line;
			manager.tell({ READY: "1", STATUS: line });
		},
		async stop() {
			clearInterval(timer);
			manager.tell({ STOPPING: "1", STATUS: "stopping" });
			await daemon.stop();
		},
	};
}
