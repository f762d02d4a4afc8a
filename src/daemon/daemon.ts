import { CLOSED_POLICY, type Config, LIMITS, TIMES } from "../base/config.ts";
import { guarded, type Logger } from "../base/logger.ts";
import type { RunningDaemon } from "../cli/deps.ts";
import { SettledStream } from "../connections/settled.ts";
import { readMountinfo } from "../enforce/policy-environment.ts";
import { watchPolicy } from "../enforce/watch-policy.ts";
import { lostOf } from "../metrics/kernel.ts";
import { checkMetricsConfig } from "../metrics/listener.ts";
import type { Addon } from "../native/binding.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { checkMachine } from "../system/preflight.ts";
import { tcpListenerOf } from "./api-listeners.ts";
import { statusLine } from "./daemon-status.ts";
import { enforce } from "./enforce.ts";
import { record } from "./record.ts";
import { serve } from "./serve.ts";

export interface DaemonDeps {
	readonly openAddon: () => Addon;
	readonly log: Logger;
	readonly version: string;
	readonly clock?: Clock;
	/** Throws SallyportError if the machine lacks a requirement. */
	readonly preflight?: () => void;
	/** The mounts of this process, proc_pid_mountinfo(5). */
	readonly mountinfo?: () => string;
	/** Called TIMES.started after the start, and after each load of a large policy. */
	readonly release?: (addon: Addon) => void;
	/** See EnforceOptions. */
	readonly hostDir?: string;
}

/**
 * Starts the daemon: enforce, record, serve. Rejects with SallyportError. A start that fails leaves the kernel as it
 * was: with the earlier policy in force, or with nothing.
 */
export async function startDaemon(config: Config, deps: DaemonDeps): Promise<RunningDaemon> {
	const scope = new AsyncDisposableStack();
	try {
		return await start(config, deps, scope);
	} catch (error) {
		await guarded(deps.log, "undoing the start", () => scope.disposeAsync());
		throw error;
	}
}

async function start(config: Config, deps: DaemonDeps, scope: AsyncDisposableStack): Promise<RunningDaemon> {
	const { openAddon, log, version, preflight = checkMachine } = deps;
	const { clock = systemClock(undefined, (by) => logJump(log, by)) } = deps;
	const startedAt = new Date();
	preflight();
	const listener = tcpListenerOf(config);
	checkMetricsConfig(config.metrics);
	const mountinfo = (deps.mountinfo ?? readMountinfo)();
	const watched = watchedCgroup(config.cgroup, mountinfo);
	const addon = openAddon();

	const enforcement = await enforce({
		config,
		addon,
		watched,
		mountinfo,
		...(deps.hostDir === undefined ? {} : { hostDir: deps.hostDir }),
		log,
		scope,
	});
	const recording = record({ config, enforcement, version, clock, log, scope });
	const { libbpfVersion, peerUid } = addon;
	const about = { version, libbpfVersion, startedAt, cgroup: watched.path, pins: config.pins };
	const serving = await serve({ config, enforcement, recording, about, peerUid, listener, clock, log, scope });

	const { kernel, updateResolvers, attachment } = enforcement;
	const { service, listsBefore } = enforcement.policy;
	const { table, view, pump, eventPath, rejudge, destroyer } = recording;
	const { policy: file } = config;
	watchPolicy({ file, policy: service, listsBefore, resolversChanged: updateResolvers, log, scope });
	if (deps.release !== undefined) {
		const { release } = deps;
		const soon = setTimeout(() => guarded(log, "releasing memory", () => release(addon)), TIMES.started);
		scope.defer(() => clearTimeout(soon));
		/* The buffers of a large policy are outside of V8's heap, where they hasten no collection. */
		service.watch({ loaded: ({ facts }) => void (facts.bytes >= LIMITS.largePolicy && soon.refresh()) });
	}
	enforcement.started();
	log.info("running", {
		...{ version, pid: process.pid, cgroup: watched.path, adopted: kernel.adopted, generation: service.generation },
		...{ socket: config.socket, listen: config.listen, metrics: serving.metricsAddress },
	});
	return {
		watch: (emit) => {
			const stream = new SettledStream({
				...{ table, settle: TIMES.settle, repeats: TIMES.repeats },
				emit: (connection) => emit(view(connection)),
			});
			return async () => {
				await pump.flush();
				stream.close();
			};
		},
		reload: () => guarded(log, "reload", async () => void (await serving.reload())),
		summary: () => ({ lost: lostOf(kernel.sum("counters")) }),
		health: () => ({ problem: eventPath.look(), line: statusLine({ kernel, policy: service, table, attachment }) }),
		stop: async () => {
			if (config.onExit === "closed") {
				service.begin([]);
				await service.load(CLOSED_POLICY, "(built-in)", "built-in");
				/* No daemon will end open sockets later, so those that the ring still announces are ended too. */
				await pump.flush();
				await rejudge.run();
				await destroyer.settled();
			}
			await scope.disposeAsync();
			log.info("stopped", { onExit: config.onExit });
		},
	};
}

function logJump(log: Logger, by: number): void {
	log.warn("the wall clock was set, or the host slept: records are dated by the new time, and none expires sooner", {
		seconds: Math.round(by / 1000),
	});
}
