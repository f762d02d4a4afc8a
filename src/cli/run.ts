import type { Command } from "commander";
import { DEFAULTS, type OnExit } from "../config.ts";
import { jsonLogger, LOG_LEVELS, type LogLevel } from "../logger.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath, oneOf } from "./options.ts";

interface Options {
	readonly policy: string;
	readonly cgroup?: string;
	readonly pins: string;
	readonly socket: string;
	readonly group: string;
	readonly listen?: string;
	readonly onExit: OnExit;
	readonly runtimeDir: string;
	readonly stateDir: string;
	readonly logLevel: LogLevel;
	readonly logConnections?: boolean;
}

export function addRunCommand(program: Command, deps: CliDeps): void {
	program
		.command("run")
		.description(
			"the service: load a policy into the kernel and answer questions; stays in the foreground, logs JSON lines to stderr",
		)
		.option(
			"--policy <file>",
			"policy file; read again when it changes and on SIGHUP",
			absolutePath,
			DEFAULTS.policy ?? undefined,
		)
		.option(
			"--cgroup <path>",
			"watch this cgroup v2 folder and what is below it (default: the whole host)",
			absolutePath,
		)
		.option("--pins <path>", "folder for the pins, on bpffs", absolutePath, DEFAULTS.pins)
		.option("--socket <path>", "unix socket of the API", absolutePath, DEFAULTS.socket ?? undefined)
		.option("--group <name>", "group that may use the socket", DEFAULTS.group)
		.option("--listen <address>", "serve the API on loopback TCP too, read-only: 127.0.0.1:9440")
		.option(
			"--on-exit <what>",
			"keep: go on enforcing; detach: take everything out of the kernel",
			oneOf<OnExit>("keep", "detach"),
			DEFAULTS.onExit,
		)
		.option("--runtime-dir <path>", "folder of the lock", absolutePath, DEFAULTS.runtimeDir)
		.option(
			"--state-dir <path>",
			"folder for what must survive a restart",
			absolutePath,
			DEFAULTS.stateDir ?? undefined,
		)
		.option("--log-level <level>", LOG_LEVELS.join(", "), oneOf<LogLevel>(...LOG_LEVELS), "info" as LogLevel)
		.option("--log-connections", "log each connection too")
		.option("--json", "the log is JSON always; accepted for symmetry")
		.addHelpText(
			"after",
			`
Examples:
  sudo sallyport run
  sudo sallyport run --policy ./policy.yaml --cgroup /sys/fs/cgroup/system.slice/agent.service
  sudo sallyport run --listen 127.0.0.1:9440      for Prometheus
  sudo kill -HUP $(pidof sallyport)               reads the policy again`,
		)
		.action(async (options: Options) => {
			const log = jsonLogger((line) => void deps.err.write(line), options.logLevel);
			/* From now on a signal ends it cleanly, also in the middle of the start. */
			const ended = deps.signals.ended();
			const daemon = await deps.start(
				{
					...DEFAULTS,
					policy: options.policy,
					cgroup: options.cgroup ?? null,
					pins: options.pins,
					socket: options.socket,
					group: options.group,
					listen: options.listen ?? null,
					onExit: options.onExit,
					runtimeDir: options.runtimeDir,
					stateDir: options.stateDir,
				},
				log,
			);
			const unwatch =
				options.logConnections === true ? daemon.watch((connection) => log.info("connection", { connection })) : null;
			deps.signals.onHangup(() => daemon.reload());
			await ended;
			unwatch?.();
			await daemon.stop();
		});
}
