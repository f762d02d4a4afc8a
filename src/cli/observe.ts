import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DEFAULTS } from "../base/config.ts";
import { plainLogger } from "../base/logger.ts";
import { printable } from "../base/text.ts";
import type { ConnectionView } from "../records/view.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath, positiveInteger } from "./options.ts";
import { type TableStyle, tableHeader, tableRow } from "./table.ts";

interface Options {
	readonly cgroup?: string;
	readonly policy?: string;
	readonly socket?: string;
	readonly listen?: string;
	readonly pins?: string;
	readonly seconds?: number;
	readonly dns: boolean;
	readonly json?: boolean;
}

export function addObserveCommand(program: CliCommand, deps: CliDeps): void {
	program
		.subcommand("observe")
		.description("show every outbound connection, live; blocks nothing and leaves nothing behind")
		.option(
			"--cgroup <path>",
			"watch this cgroup v2 folder and what is below it (default: the whole host)",
			absolutePath,
		)
		.option("--policy <file>", "show what this policy would deny", absolutePath)
		.option("--socket <path>", "serve the API on this unix socket too", absolutePath)
		.option("--listen <address>", "serve the API on loopback TCP too, read-only: 127.0.0.1:9440")
		.option(
			"--pins <path>",
			"folder for the pins, on bpffs (default: one of its own, removed at the end)",
			absolutePath,
		)
		.option("--seconds <n>", "stop by itself", positiveInteger)
		.option("--no-dns", "leave out DNS questions")
		.option("--json", "one JSON line a connection, which is the default where stdout is no terminal")
		.examples(
			[
				"sudo sallyport observe",
				"sudo sallyport observe --policy policy.yaml     what would this policy deny?",
				"sudo sallyport observe --json | jq -r 'select(.name) | .name' | sort -u",
				"npm start -- --cgroup /sys/fs/cgroup/system.slice",
			],
			"A connection is shown when it has ended or is a second old; a denial at once.",
		)
		.action((options: Options) => observe(options, deps));
}

async function observe(options: Options, deps: CliDeps): Promise<void> {
	const pins = options.pins ?? `${PINS}${process.pid}`;
	removeStalePins();
	/* From now on a signal ends it cleanly, also in the middle of the start. */
	const ended = deps.signals.ended();
	const daemon = await deps.start(
		{
			...DEFAULTS,
			policy: options.policy ?? null,
			forceObserve: true,
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
	const closed = Promise.withResolvers<void>();
	deps.out.onClosed(() => closed.resolve());
	const waiting = [ended, closed.promise];
	if (options.seconds !== undefined)
		waiting.push(new Promise((resolve) => setTimeout(resolve, (options.seconds ?? 0) * 1000).unref()));
	const shown = { count: 0, skipped: 0 };
	const show = options.json === true || !deps.out.terminal ? jsonLines(deps) : liveTable(deps);
	const unwatch = daemon.watch((connection) => {
		if (!options.dns && connection.kind === "dns") return;
		if (show(connection)) shown.count++;
		else shown.skipped++;
	});
	deps.signals.onHangup(() => void daemon.reload());
	await Promise.race(waiting);
	await unwatch();
	const { lost } = daemon.summary();
	await daemon.stop();
	const skipped = shown.skipped === 0 ? "" : `, ${shown.skipped} not shown because the reader was too slow`;
	const missed = lost === 0 ? "" : `, ${lost} events lost`;
	if (deps.out.terminal || skipped !== "" || missed !== "")
		deps.err.write(`sallyport: ${shown.count} connections${skipped}${missed}\n`);
}

/** Prefix of observe's own pin folders; the process id follows. */
const PINS = `${dirname(DEFAULTS.pins)}/sallyport-observe-`;

/* An observe that was killed leaves its programs running: they see, count and block nothing, but they are not free. */
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
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

function jsonLines({ out }: CliDeps): (connection: ConnectionView) => boolean {
	return (connection) => out.write(`${JSON.stringify(connection)}\n`);
}

function liveTable({ out }: CliDeps): (connection: ConnectionView) => boolean {
	const style = (): TableStyle => ({ width: out.width(), colours: out.colours, date: false });
	out.write(`${tableHeader(style())}\n`);
	return (connection) => out.write(`${tableRow(connection, style())}\n`);
}

function printLines(text: string): string {
	return text.split("\n").map(printable).join("\n");
}
