import { setTimeout as sleep } from "node:timers/promises";
import { SallyportError } from "../base/errors.ts";
import type { ConnectionView } from "../records/view.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askText } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { harmlessJson } from "./harmless.ts";
import { positiveInteger } from "./options.ts";
import { serverEvents } from "./sse.ts";
import { tableHeader, tableRow } from "./table.ts";

type Options = Asking & FilterOptions & { readonly seconds?: number };

export function addStreamCommand(program: CliCommand, deps: CliDeps): void {
	addFilters(
		program
			.subcommand("stream")
			.description("connections as they happen, from the daemon; goes on where it was after a restart"),
		{ live: true },
	)
		.option("--seconds <n>", "stop by itself", positiveInteger)
		.asks("one JSON line a connection, which is the default where stdout is no terminal")
		.examples([
			"sallyport stream --verdict deny",
			"sallyport stream --unit agent.service --kind connection",
			"sallyport stream --json | jq -r 'select(.name) | .name'",
		])
		.action((options: Options) => stream(options, deps));
}

/** ms between tries to reach a daemon that has gone. */
const AGAIN = 1_000;

async function stream(options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	const over = new AbortController();
	void deps.signals.ended().then(() => over.abort());
	out.onClosed(() => over.abort());
	const timer =
		options.seconds === undefined ? undefined : setTimeout(() => over.abort(), options.seconds * 1000).unref();
	const asTable = options.json !== true && out.terminal;
	const style = () => ({ width: out.width(), colours: out.colours, date: false });
	if (asTable) out.write(`${tableHeader(style())}\n`);
	const place: Place = { id: null, reached: false };
	let skipped = 0;
	const show = (connection: ConnectionView) => {
		const line = asTable ? tableRow(connection, style()) : harmlessJson(JSON.stringify(connection));
		if (!out.write(`${line}\n`)) skipped++;
	};
	while (!over.signal.aborted) {
		try {
			await follow(options, place, over.signal, deps, show);
			if (!over.signal.aborted) err.write("sallyport: the daemon ended the stream; waiting for it\n");
		} catch (error) {
			if (over.signal.aborted) break;
			const lost = error instanceof SallyportError && error.code === "DAEMON_UNREACHABLE";
			if (!lost || !place.reached) throw error;
			if (place.told !== true) err.write("sallyport: the daemon is gone; waiting for it\n");
			place.told = true;
		}
		await sleep(AGAIN, undefined, { signal: over.signal }).catch(() => {});
	}
	clearTimeout(timer);
	if (skipped > 0) err.write(`sallyport: ${skipped} not shown because the reader was too slow\n`);
}

interface Place {
	/** Of the last event. */
	id: string | null;
	/** The daemon has answered at least once. */
	reached: boolean;
	told?: boolean;
}

async function follow(
	options: Options,
	place: Place,
	signal: AbortSignal,
	{ err }: CliDeps,
	show: (connection: ConnectionView) => void,
): Promise<void> {
	const parts = askText({
		socket: options.socket,
		path: `/v1/stream?${filterQuery(options)}`,
		accept: "text/event-stream",
		headers: place.id === null ? {} : { "last-event-id": place.id },
		patience: 0,
		signal,
	});
	for await (const { event, data, id } of serverEvents(parts)) {
		place.reached = true;
		place.told = false;
		place.id = id ?? place.id;
		if (event === "connection" || event === "message") show(JSON.parse(data) as ConnectionView);
		else if (event === "missed") err.write(`sallyport: ${missedText(data)}\n`);
	}
}

function missedText(data: string): string {
	const { missed, count = missed } = JSON.parse(data) as { missed?: unknown; count?: unknown };
	return `${Number(count) || "some"} connections were missed`;
}
