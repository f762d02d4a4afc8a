import { DEFAULTS, type OnExit, type WarmUp } from "../base/config.ts";
import { jsonLogger, LOG_LEVELS, type Logger, type LogLevel } from "../base/logger.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps, RunningDaemon } from "./deps.ts";
import { absolutePath, positiveInteger, wholeNumber } from "./options.ts";

type Journalled = "none" | "denied" | "all";

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
	program
		.subcommand("run")
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
		.option("--listen <address>", "serve the API on TCP too: 127.0.0.1:9440; on loopback reading is free")
		.option(
			"--token-file <file>",
			"bearer tokens, one a line: to write over TCP, and to read from elsewhere",
			absolutePath,
		)
		.option("--tls-cert <file>", "certificate chain of --listen, PEM; needed where it is not loopback", absolutePath)
		.option("--tls-key <file>", "its private key, PEM", absolutePath)
		.choice(
			"--on-exit <what>",
			"keep: go on enforcing; open: take everything out of the kernel; closed: let nothing out but loopback and DHCP",
			["keep", "open", "closed"],
			DEFAULTS.onExit,
		)
		.choice(
			"--warm-up <what>",
			"what was resolved before: flush the caches of systemd-resolved and nscd; resolve the policy's names too",
			["none", "flush", "resolve"],
			DEFAULTS.warmUp,
		)
		.option("--runtime-dir <path>", "folder of the lock", absolutePath, DEFAULTS.runtimeDir)
		.option(
			"--state-dir <path>",
			"folder for what must survive a restart",
			absolutePath,
			DEFAULTS.stateDir ?? undefined,
		)
		.option("--no-history", "keep no records in the state folder; what is asked is answered from memory")
		.option("--history-days <n>", "days that records are kept", positiveInteger, DEFAULTS.history?.days ?? 1)
		.option(
			"--history-megabytes <n>",
			"size of the file; the oldest make room",
			positiveInteger,
			DEFAULTS.history?.megabytes ?? 1,
		)
		.option(
			"--metrics-listen <address>",
			"serve /metrics alone on this address, for Prometheus: 127.0.0.1:9441; beyond loopback with TLS and a secret",
		)
		.option("--metrics-tls-cert <file>", "certificate chain of that listener, PEM; read again on SIGHUP", absolutePath)
		.option("--metrics-tls-key <file>", "its private key, PEM", absolutePath)
		.option("--metrics-token-file <file>", "who has this bearer token may read them", absolutePath)
		.option("--metrics-basic-file <file>", "lines of USER:HASH; who has a password may read them", absolutePath)
		.option(
			"--metrics-insecure",
			"beyond loopback also without TLS or without a secret: whoever is on the network between reads them",
		)
		.option(
			"--metrics-top-names <n>",
			"label series with so many of the busiest names, at most 1000",
			wholeNumber(1_000),
			0,
		)
		.choice("--log-level <level>", "what is logged", LOG_LEVELS, "info")
		.option("--log-connections", "log each connection too")
		.choice(
			"--journal <which>",
			"connections for the systemd journal, by fields of their own: journalctl SALLYPORT_VERDICT=deny",
			["none", "denied", "all"],
			"none",
		)
		.option("--json", "the log is JSON always; accepted for symmetry")
		.examples([
			"sudo sallyport run",
			"sudo sallyport run --policy ./policy.yaml --cgroup /sys/fs/cgroup/system.slice",
			"sudo sallyport run --metrics-listen 127.0.0.1:9441        for a Prometheus on this host",
			"sudo sallyport run --metrics-listen 0.0.0.0:9441 --metrics-token-file /etc/sallyport/token \\",
			"    --metrics-tls-cert cert.pem --metrics-tls-key key.pem  for one elsewhere",
			"sudo kill -HUP $(pidof sallyport)                          reads policy and secrets again",
		])
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
					tokenFile: options.tokenFile ?? null,
					tlsCert: options.tlsCert ?? null,
					tlsKey: options.tlsKey ?? null,
					onExit: options.onExit,
					warmUp: options.warmUp,
					runtimeDir: options.runtimeDir,
					stateDir: options.stateDir,
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
				},
				log,
			);
			const watching = [
				...(options.logConnections === true
					? [daemon.watch((connection) => log.info("connection", { connection }))]
					: []),
				...journalled(daemon, options.journal, deps, log),
			];
			deps.signals.onHangup(() => void daemon.reload());
			await ended;
			for (const end of watching) await end();
			await daemon.stop();
		});
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
