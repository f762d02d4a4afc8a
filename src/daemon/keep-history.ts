import { release } from "node:os";
import { join } from "node:path";
import { type Config, LIMITS } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { LoadFailure, PolicyInForce } from "../enforce/policy-service.ts";
import { renderProblem } from "../policy/read/problem.ts";
import type { DaemonStart, History, HistoryFailure, HistoryFailureCode, PolicyChange } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import { openHistory } from "../store/open.ts";

/** The history that the configuration asks for, or null. */
export function keepHistory({ stateDir, history }: Config, describe: Describer, log: Logger): History | null {
	if (stateDir === null || history === null) return null;
	return openHistory({
		file: join(stateDir, "history.db"),
		maxAge: history.days * DAY,
		maxBytes: history.megabytes * MEGABYTE,
		describe,
		buffer: LIMITS.historyBuffer,
		onFailure: (failure: HistoryFailure | null) => {
			if (failure === null) log.info("history is written again");
			else log.error(whatFailed(failure), { code: failure.code, failure: failure.message });
		},
	});
}

/** What has happened, and what to do. */
export function whatFailed({ code }: Pick<HistoryFailure, "code">): string {
	return FAILED[code] ?? "history is not written; deciding goes on";
}

const FAILED: Partial<Record<HistoryFailureCode, string>> = {
	dropped:
		"some records are missing from history: more came than the file takes. Give it a faster disk, or less to do; " +
		"sallyport_history_dropped_total counts them, and deciding goes on",
	corrupt:
		"the history file was broken: it was moved aside and a new one begun. Look at the disk; what can be read of the old one " +
		"sqlite3's .recover gets out, and deciding goes on",
	disk_full:
		"history is not written: its disk is full. Make room, or keep less with --history-megabytes; deciding goes on",
	read_only:
		"history is not written: its folder cannot be written to. Mount it writable, or name another; deciding goes on",
	locked: "history is not written: another program holds its file. End that program; deciding goes on",
	newer_schema:
		"history is not written: its file was made by a newer Sallyport. Start that one, or move the file away; deciding goes on",
};

export function loadedChange({
	generation,
	policy,
	origin,
	source,
	etag,
	text,
	loadedAt,
}: PolicyInForce): PolicyChange {
	const { mode } = policy;
	return { time: loadedAt.getTime(), loaded: true, generation, mode, origin, source, etag, text, problems: [] };
}

export function refusedChange({ time, source, problems }: LoadFailure, generation: number): PolicyChange {
	return {
		time: time.getTime(),
		loaded: false,
		generation,
		mode: null,
		origin: source.startsWith("/") ? "file" : "api",
		source,
		etag: null,
		text: null,
		problems: problems.slice(0, 100).map(renderProblem),
	};
}

export function startRecord(version: string, adopted: boolean, generation: number): DaemonStart {
	return { time: Date.now(), version, pid: process.pid, adopted, generation, kernel: release() };
}

/** ms */
const DAY = 86_400_000;
const MEGABYTE = 1024 * 1024;
