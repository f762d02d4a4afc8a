import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../api/status.ts";
import { DEFAULTS, type KeptArguments } from "../base/config.ts";
import { errorCodeOf, SallyportError } from "../base/errors.ts";
import { plainLogger } from "../base/logger.ts";
import { printable } from "../base/text.ts";
import type { CliCommand } from "./cli-command.ts";
import { requestJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { EnforcedRecords, followEnforced } from "./enforced.ts";
import { type Enforcement, ObservedOutput, observedTable } from "./observed-output.ts";
import { absolutePath, positiveInteger } from "./options.ts";
import { addTableOptions, checkColumns, type TableOptions, wantsTable } from "./table.ts";

interface Options extends TableOptions {
	readonly cgroup?: string;
	readonly policy?: string;
	readonly socket?: string;
	readonly listen?: string;
	readonly pins?: string;
	readonly service: string;
	readonly seconds?: number;
	readonly args: KeptArguments;
	readonly dns: boolean;
	readonly json?: boolean;
}

export function addObserveCommand(program: CliCommand, deps: CliDeps): void {
	const command = program
		.subcommand("observe")
		.description("show every outbound connection, live; blocks nothing and leaves nothing behind")
		.option(
			"--cgroup <path>",
			"watch only this cgroup v2 directory and those below (default: the whole host)",
			absolutePath,
		)
		.option("--policy <file>", "show what this policy would deny", absolutePath)
		.option(
			"--service <socket>",
			"unix socket of the daemon that enforces here, if one does",
			absolutePath,
			DEFAULTS.socket,
		)
		.option("--socket <path>", "serve the API on this unix socket too", absolutePath)
		.option("--listen <address>", "serve the API on loopback TCP too, read-only: 127.0.0.1:9440")
		.option("--pins <path>", "directory for the pins, below /sys/fs/bpf (default: a temporary one)", absolutePath)
		.option("--seconds <n>", "end after this time", positiveInteger)
		.option("--no-dns", "leave out DNS queries")
		.argumentsOption();
	addTableOptions(
		command,
		observedTable(true).columns.map(({ key }) => key),
	)
		.option("--json", "one JSON object per line and connection; the default if standard output is not a terminal")
		.examples(
			[
				"sudo sallyport observe",
				"sudo sallyport observe --policy policy.yaml     what would this policy deny?",
				"sudo sallyport observe --json | jq -r 'select(.name) | .name' | sort -u",
				"npm start -- --cgroup /sys/fs/cgroup/system.slice",
			],
			"A connection is shown when it has closed or is a second old; a denial at once. Where a daemon enforces a policy, " +
				"VERDICT is its verdict, and POLICY that of --policy.",
		)
		.action((options: Options) => observe(options, deps));
}

async function observe(options: Options, deps: CliDeps): Promise<void> {
	checkColumns(observedTable(true), options);
	const pins = options.pins ?? `${PINS}${process.pid}`;
	refusePinsInUse(options, deps);
	removeStalePins();
	/* From here on a signal ends it cleanly, also during the start. */
	const ended = deps.signals.ended();
	const over = new AbortController();
	const enforcement = await reportEnforcement(options, deps);
	const daemon = await deps.start(
		{
			...DEFAULTS,
			policy: options.policy ?? null,
			forceObserve: true,
			args: options.args,
			cgroup: options.cgroup ?? null,
			pins,
			socket: options.socket ?? null,
			listen: options.listen ?? null,
			onExit: "open",
			warmUp: "none",
			stateDir: null,
		},
		plainLogger((line) => void deps.err.write(printLines(line))),
	);
	deps.out.onClosed(() => over.abort());
	void ended.then(() => over.abort());
	if (options.seconds !== undefined) setTimeout(() => over.abort(), options.seconds * 1000).unref();

	const output = new ObservedOutput(deps.out, {
		...options,
		json: options.json === true || !(deps.out.terminal || wantsTable(options)),
		enforcement,
		ownVerdict: options.policy !== undefined,
	});
	const records = new EnforcedRecords((own, enforced) => output.show(own, enforced));
	const following = follow(options, deps, output, records, over.signal);
	const unwatch = daemon.watch((connection) => {
		if (!options.dns && connection.kind === "dns") return;
		if (output.enforcement === "daemon") records.own(connection);
		else output.show(connection, null);
	});
	deps.signals.onHangup(() => void daemon.reload());
	await aborted(over.signal);
	await unwatch();
	await following;
	records.close();
	const { lost } = daemon.summary();
	await daemon.stop();
	const { summary, skipped } = output;
	const slow = skipped === 0 ? "" : `, ${skipped} not shown because the reader was too slow`;
	const missed = lost === 0 ? "" : `, ${lost} events lost`;
	if (deps.out.terminal || slow !== "" || missed !== "")
		deps.err.write(`sallyport: ${summary}${slow}${missed}; observe has left nothing in the kernel\n`);
}

/** Reads the verdicts of the daemon that enforces here, also of one that starts later, until `over`. */
async function follow(
	{ service }: Options,
	deps: CliDeps,
	output: ObservedOutput,
	records: EnforcedRecords,
	over: AbortSignal,
): Promise<void> {
	while (output.enforcement !== "daemon") {
		await sleep(STATUS_INTERVAL, undefined, { signal: over }).catch(() => {});
		if (over.aborted) return;
		const status = await statusOf(service);
		if (status === null) continue;
		reportDaemon(status, deps);
		output.besideDaemon();
	}
	await followEnforced(service, records, over);
}

/**
 * Reports on stderr which policy is enforced here already, because connections that it denies look allowed to the
 * observer.
 */
async function reportEnforcement({ service, cgroup }: Options, deps: CliDeps): Promise<Enforcement> {
	const say = (text: string) => deps.err.write(`sallyport: ${printLines(text)}\n`);
	const status = await statusOf(service);
	if (status !== null) {
		reportDaemon(status, deps);
		return "daemon";
	}
	const state = deps.kernelState();
	if (state !== null) {
		say(`${state} No daemon reports its verdicts, so VERDICT is unknown.`);
		return "kernel";
	}
	const others = deps
		.attachedPrograms(cgroup ?? null)
		.map(({ hook, name, id }) => `${name || `program ${id}`} (${hook})`);
	if (others.length > 0)
		say(`other BPF programs are attached here, and observe does not see what they deny: ${others.join(", ")}`);
	return "none";
}

function reportDaemon({ pid, policy, generation }: Status, deps: CliDeps): void {
	const verb = policy.mode === "observe" ? "records" : "enforces";
	const what = policy.source === null ? "an earlier daemon's policy" : `${policy.source}, mode ${policy.mode}`;
	const text = `the daemon with process ${pid} ${verb} here (${what}, generation ${generation}); VERDICT is its verdict`;
	deps.err.write(`sallyport: ${printLines(text)}\n`);
}

/** Null: no daemon answers, or it is this observer, which may serve the API at the same place. */
async function statusOf(socket: string): Promise<Status | null> {
	const status = await requestJson<Status>({ socket, path: "/v1/status", timeout: STATUS_PATIENCE }).catch(() => null);
	return status?.pid === process.pid ? null : status;
}

/** [ms] */
const STATUS_PATIENCE = 2_000;
const STATUS_INTERVAL = 1_000;

/* An observer would replace the policy that is pinned there, and remove it at its end. */
function refusePinsInUse({ pins }: Options, deps: CliDeps): void {
	if (pins === undefined) return;
	const state = deps.kernelState({ pins });
	if (state === null) return;
	throw new SallyportError(
		"USAGE",
		`The pins at ${pins} are in use. ${state}`,
		"Give observe another --pins, or none.",
	);
}

/** Prefix of the temporary folders; the process id follows. */
const PINS = `${dirname(DEFAULTS.pins)}/sallyport-observe-`;

/* The programs of a killed observer remain attached. They deny nothing, but they use CPU time. */
function removeStalePins(): void {
	const folder = dirname(PINS);
	let names: string[];
	try {
		names = readdirSync(folder);
	} catch {
		return;
	}
	for (const name of names) {
		const pid = /^sallyport-observe-(\d+)$/.exec(name)?.[1];
		if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true });
	}
}

function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return errorCodeOf(error) === "EPERM";
	}
}

function aborted(signal: AbortSignal): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	if (signal.aborted) resolve();
	else signal.addEventListener("abort", () => resolve());
	return promise;
}

function printLines(text: string): string {
	return text.split("\n").map(printable).join("\n");
}
