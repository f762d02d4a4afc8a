import { setTimeout as sleep } from "node:timers/promises";
import { SallyportError } from "../base/errors.ts";
import { countText } from "../base/text.ts";
import type { ConnectionView } from "../records/view.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { requestText } from "./client.ts";
import { liveConnectionTable } from "./connection-table.ts";
import type { CliDeps } from "./deps.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { positiveInteger } from "./options.ts";
import { serverEvents } from "./sse.ts";
import { addTableOptions, checkColumns, liveTable, type TableOptions, wantsTable } from "./table.ts";
import { harmlessJson } from "./text.ts";

type Options = DaemonOptions & FilterOptions & TableOptions & { readonly seconds?: number };

export function addStreamCommand(program: CliCommand, deps: CliDeps): void {
	const command = addFilters(
		program
			.subcommand("stream")
			.description("show connections as the daemon records them; resumes after a restart of the daemon"),
		{ live: true },
	).option("--seconds <n>", "stop after this time", positiveInteger);
	addTableOptions(
		command,
		liveConnectionTable().columns.map(({ key }) => key),
	)
		.queriesDaemon("one JSON object per line and connection; the default if standard output is not a terminal")
		.examples([
			"sallyport stream --verdict deny",
			"sallyport stream --unit agent.service --kind connection",
			"sallyport stream --json | jq -r 'select(.name) | .name'",
		])
		.action((options: Options) => stream(options, deps));
}

/** Time between attempts to reach a daemon that has ended [ms]. */
const RETRY = 1_000;

async function stream(options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	checkColumns(liveConnectionTable(), options);
	const over = new AbortController();
	void deps.signals.ended().then(() => over.abort());
	out.onClosed(() => over.abort());
	const timer =
		options.seconds === undefined ? undefined : setTimeout(() => over.abort(), options.seconds * 1000).unref();
	const asTable = options.json !== true && (out.terminal || wantsTable(options));
	const write = asTable
		? liveTable(liveConnectionTable(), options, out)
		: (connection: ConnectionView) => out.write(`${harmlessJson(JSON.stringify(connection))}\n`);
	const position: Position = { id: null, connected: false, reported: false };
	let skipped = 0;
	const show = (connection: ConnectionView) => {
		if (!write(connection)) skipped++;
	};
	while (!over.signal.aborted) {
		try {
			await follow(options, position, over.signal, deps, show);
			if (!over.signal.aborted) err.write("sallyport: the daemon ended the stream; waiting for it\n");
		} catch (error) {
			if (over.signal.aborted) break;
			const lost = error instanceof SallyportError && error.code === "DAEMON_UNREACHABLE";
			if (!lost || !position.connected) throw error;
			if (!position.reported) err.write("sallyport: the daemon has ended; waiting for it\n");
			position.reported = true;
		}
		await sleep(RETRY, undefined, { signal: over.signal }).catch(() => {});
	}
	clearTimeout(timer);
	if (skipped > 0) err.write(`sallyport: ${countText(skipped, "line")} dropped because the reader was too slow\n`);
}

interface Position {
	/** Id of the last event. */
	id: string | null;
	/** The daemon has answered at least once. */
	connected: boolean;
	/** The end of the daemon has been reported. */
	reported: boolean;
}

async function follow(
	options: Options,
	position: Position,
	signal: AbortSignal,
	deps: CliDeps,
	show: (connection: ConnectionView) => void,
): Promise<void> {
	const parts = requestText({
		socket: options.socket,
		path: `/v1/stream?${filterQuery(options)}`,
		accept: "text/event-stream",
		headers: position.id === null ? {} : { "last-event-id": position.id },
		timeout: 0,
		signal,
	});
	for await (const { event, data, id } of serverEvents(parts)) {
		position.connected = true;
		position.reported = false;
		position.id = id ?? position.id;
		if (event === "connection" || event === "message") show(JSON.parse(data) as ConnectionView);
		else if (event === "missed") deps.err.write(`sallyport: ${missedText(data)}\n`);
	}
}

function missedText(data: string): string {
	const { missed, count = missed } = JSON.parse(data) as { missed?: unknown; count?: unknown };
	const known = Number(count);
	return known > 0 ? `${countText(known, "record")} missed` : "some records were missed";
}
