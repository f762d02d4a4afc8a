import {
	type Config,
	DEFAULTS,
	type Journalled,
	type KeptArguments,
	type OnExit,
	RUN_DEFAULTS,
	type WarmUp,
} from "../base/config.ts";
import { jsonLogger, LOG_LEVELS, type Logger, type LogLevel } from "../base/logger.ts";
import { TOP_NAMES_MAX } from "../base/metrics-config.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps, RunningDaemon } from "./deps.ts";
import { absolutePath, positiveInteger, wholeNumber } from "./options.ts";

interface Options {
	readonly policy: string;
	readonly cgroup?: string;
	readonly pins: string;
	readonly socket: string;
	readonly group: string;
	readonly listen?: string;
	readonly tokenFile?: string;
	readonly tlsCert?: string;
	readonly tlsKey?: string;
	readonly onExit: OnExit;
	readonly warmUp: WarmUp;
	readonly runtimeDir: string;
	readonly stateDir: string;
	readonly args: KeptArguments;
	readonly history: boolean;
	readonly historyDays: number;
	readonly historyMegabytes: number;
	readonly logLevel: LogLevel;
	readonly logConnections?: boolean;
	readonly journal: Journalled;
	readonly metricsListen?: string;
	readonly metricsTlsCert?: string;
	readonly metricsTlsKey?: string;
	readonly metricsTokenFile?: string;
	readonly metricsBasicFile?: string;
	readonly metricsInsecure?: boolean;
	readonly metricsTopNames: number;
}

export function addRunCommand(program: CliCommand, deps: CliDeps): void {
	const command = program
		.subcommand("run")
		.description(
			"run the daemon: enforce a policy, record connections, serve the API; stays in the foreground, logs JSON lines to stderr",
		)
		.option("--policy <file>", "policy file; reloaded when it changes and on SIGHUP", absolutePath, DEFAULTS.policy)
		.option(
			"--cgroup <path>",
			"watch only this cgroup v2 directory and those below (default: the whole host)",
			absolutePath,
		)
		.option("--pins <path>", "directory for the pins, below /sys/fs/bpf", absolutePath, DEFAULTS.pins)
		.option("--runtime-dir <path>", "directory of the lock", absolutePath, DEFAULTS.runtimeDir)
		.option("--state-dir <path>", "directory of files that survive a restart", absolutePath, DEFAULTS.stateDir)
		.choice(
			"--on-exit <state>",
			"after the daemon has ended; keep: the policy stays in force; open: nothing is left in the kernel; closed: only loopback and DHCP leave",
			["keep", "open", "closed"],
			DEFAULTS.onExit,
		)
		.choice(
			"--warm-up <how>",
			"names resolved before the start; flush: flush the caches of systemd-resolved and nscd; resolve: also keep the policy's names resolved",
			["none", "flush", "resolve"],
			DEFAULTS.warmUp,
		)
		.choice("--log-level <level>", "least severe level that is logged", LOG_LEVELS, RUN_DEFAULTS.logLevel)
		.option("--log-connections", "log each connection too")
		.choice(
			"--journal <which>",
			"connections written to the systemd journal, as structured entries: journalctl SALLYPORT_VERDICT=deny",
			["none", "denied", "all"],
			RUN_DEFAULTS.journal,
		)
		.option("--json", "accepted for symmetry: the log is always JSON");
	command.argumentsOption();
	addMetricsOptions(addHistoryOptions(addApiOptions(command)))
		.examples([
			"sudo sallyport run",
			"sudo sallyport run --policy ./policy.yaml --cgroup /sys/fs/cgroup/system.slice",
			"sudo sallyport run --metrics-listen 127.0.0.1:9441        for a Prometheus on this host",
			"sudo sallyport run --metrics-listen 0.0.0.0:9441 --metrics-token-file /etc/sallyport/token \\",
			"    --metrics-tls-cert cert.pem --metrics-tls-key key.pem  for a Prometheus elsewhere",
			"sudo kill -HUP $(pidof sallyport)                          reloads policy and secrets",
		])
		.action((options: Options) => run(options, deps));
}

function addApiOptions(command: CliCommand): CliCommand {
	return command
		.option("--socket <path>", "unix socket of the API", absolutePath, DEFAULTS.socket)
		.option("--group <name>", "group that may use the socket", DEFAULTS.group)
		.option(
			"--listen <address>",
			"serve the API on TCP too, for example on 127.0.0.1:9440; reads from loopback need no token",
		)
		.option(
			"--token-file <file>",
			"bearer tokens, one per line: for writes over TCP, and reads from other hosts",
			absolutePath,
		)
		.option("--tls-cert <file>", "certificate chain of --listen, PEM; required beyond loopback", absolutePath)
		.option("--tls-key <file>", "its private key, PEM", absolutePath);
}

function addHistoryOptions(command: CliCommand): CliCommand {
	const { days, megabytes } = DEFAULTS.history;
	return command
		.option("--no-history", "keep no records in the state directory; queries are answered from memory")
		.option("--history-days <n>", "days that records are kept", positiveInteger, days)
		.option(
			"--history-megabytes <n>",
			"size of the history file; the oldest records are deleted first",
			positiveInteger,
			megabytes,
		);
}

function addMetricsOptions(command: CliCommand): CliCommand {
	return command
		.option(
			"--metrics-listen <address>",
			"serve only /metrics on this address, for example 127.0.0.1:9441; beyond loopback TLS and a secret are required",
		)
		.option("--metrics-tls-cert <file>", "certificate chain of that listener, PEM; reloaded on SIGHUP", absolutePath)
		.option("--metrics-tls-key <file>", "its private key, PEM", absolutePath)
		.option("--metrics-token-file <file>", "bearer token that permits reading the metrics", absolutePath)
		.option("--metrics-basic-file <file>", "lines of USER:HASH that permit reading the metrics", absolutePath)
		.option("--metrics-insecure", "permit a listener beyond loopback without TLS or without a secret")
		.option(
			"--metrics-top-names <n>",
			`label series with this many of the busiest names, at most ${TOP_NAMES_MAX}`,
			wholeNumber(TOP_NAMES_MAX),
			DEFAULTS.metrics.topNames,
		);
}

async function run(options: Options, deps: CliDeps): Promise<void> {
	const config = configOf(options);
	const { err } = deps;
	const log = jsonLogger((line) => void err.write(line), { level: options.logLevel, journal: err.journal === true });
	/* From here on a signal ends the daemon cleanly, also during the start. */
	const ended = deps.signals.ended();
	let daemon: RunningDaemon;
	try {
		daemon = await deps.start(config, log);
	} catch (error) {
		logKernelState(config, deps, log);
		throw error;
	}
	const ends = [
		...(options.logConnections === true ? [daemon.watch((connection) => log.info("connection", { connection }))] : []),
		...journalled(daemon, options.journal, deps, log),
	];
	deps.signals.onHangup(() => void daemon.reload());
	await ended;
	for (const end of ends) await end();
	await daemon.stop();
	logKernelState(config, deps, log);
}

function configOf(options: Options): Config {
	const { policy, pins, socket, group, onExit, warmUp, runtimeDir, stateDir, args } = options;
	return {
		...DEFAULTS,
		...{ policy, pins, socket, group, onExit, warmUp, runtimeDir, stateDir, args },
		cgroup: options.cgroup ?? null,
		listen: options.listen ?? null,
		tokenFile: options.tokenFile ?? null,
		tlsCert: options.tlsCert ?? null,
		tlsKey: options.tlsKey ?? null,
		history: options.history ? { days: options.historyDays, megabytes: options.historyMegabytes } : null,
		metrics: {
			listen: options.metricsListen ?? null,
			tlsCert: options.metricsTlsCert ?? null,
			tlsKey: options.metricsTlsKey ?? null,
			tokenFile: options.metricsTokenFile ?? null,
			basicFile: options.metricsBasicFile ?? null,
			insecure: options.metricsInsecure === true,
			topNames: options.metricsTopNames,
		},
	};
}

function logKernelState({ pins, runtimeDir, cgroup, stateDir, onExit }: Config, deps: CliDeps, log: Logger): void {
	const state = deps.kernelState({ pins, runtimeDir, cgroup, stateDir });
	if (state !== null) log.info(state);
	else if (onExit === "open") log.info("Nothing of Sallyport is in force in the kernel.");
}

function journalled(daemon: RunningDaemon, which: Journalled, deps: CliDeps, log: Logger): (() => Promise<void>)[] {
	if (which === "none") return [];
	const write = deps.openJournal();
	if (write === null) {
		log.warn("no journal listens here: connections are not written to it");
		return [];
	}
	return [
		daemon.watch((connection) => (which === "all" || connection.verdict !== "allow" ? write(connection) : undefined)),
	];
}
