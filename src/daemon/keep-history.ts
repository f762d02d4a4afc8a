import { release } from "node:os";
import { join } from "node:path";
import { type Config, LIMITS } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { LoadFailure, PolicyInForce } from "../enforce/policy-in-force.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { Overlays } from "../overlays/overlays.ts";
import { renderProblem } from "../policy/read/problem.ts";
import type { DaemonStart, History, PolicyChange } from "../records/contract.ts";
import type { HistoryFailure, HistoryFailureCode } from "../records/history-status.ts";
import type { Describer } from "../records/view.ts";
import { openHistory } from "../store/open.ts";

/**
 * Opens the history that the configuration asks for; null: none. A failure to open or write is logged, never thrown.
 */
export function keepHistory({ stateDir, history }: Config, describe: Describer, log: Logger): History | null {
	if (stateDir === null || history === null) return null;
	return openHistory({
		file: join(stateDir, "history.db"),
		maxAge: history.days * DAY,
		maxBytes: history.megabytes * MEGABYTE,
		describe,
		buffer: LIMITS.historyBuffer,
		onFailure: (failure: HistoryFailure | null) => {
			if (failure === null) log.info("history is being written again");
			else log.error(failureText(failure), { code: failure.code, failure: failure.message });
		},
	});
}

/** Records each policy that is loaded or refused, beginning with the first one of this daemon. */
export function recordPolicies(
	service: Pick<PolicyService, "current" | "lastFailure" | "generation" | "watch">,
	history: Pick<History, "recordPolicyChange">,
): void {
	const { current, lastFailure, generation } = service;
	if (current !== null) history.recordPolicyChange(loadedChange(current));
	else if (lastFailure !== null) history.recordPolicyChange(refusedChange(lastFailure, generation));
	service.watch({
		loaded: (policy, cause) => {
			if (cause === "policy") history.recordPolicyChange(loadedChange(policy));
		},
		refused: (failure, kept) => history.recordPolicyChange(refusedChange(failure, kept)),
	});
}

/** Records each change of an overlay, with the client that made it. */
export function recordOverlays(
	overlays: Pick<Overlays, "watch">,
	policy: Pick<PolicyService, "current">,
	history: Pick<History, "recordPolicyChange">,
): void {
	overlays.watch(({ time, change, by, record, generation }) => {
		const { name, owner, reason } = record;
		const source = `overlay ${name} ${change} by ${by ?? "the daemon"}; owner ${owner}${reason === "" ? "" : `: ${reason}`}`;
		history.recordPolicyChange({
			...{ time, loaded: true, generation, origin: "overlay", source, problems: [], etag: null },
			...{ mode: policy.current?.policy.mode ?? null, text: JSON.stringify({ change, by, ...record }) },
		});
	});
}

/** The record of this start. `generation`: of the policy that was in force before it; 0: none. */
export function startRecord(version: string, adopted: boolean, generation: number): DaemonStart {
	return { time: Date.now(), version, pid: process.pid, adopted, generation, kernel: release() };
}

/** The failure and its remedy. */
export function failureText({ code }: Pick<HistoryFailure, "code">): string {
	return FAILURES[code] ?? "history is not written; the policy is still enforced";
}

const FAILURES: Partial<Record<HistoryFailureCode, string>> = {
	dropped:
		"some records are missing from history: they came faster than the disk takes them. Use a faster disk; " +
		"sallyport_history_dropped_total counts them, and the policy is still enforced",
	corrupt:
		"the history file was corrupt: it was moved aside and a new one was created. Check the disk; sqlite3's .recover reads what " +
		"is left of the old file, and the policy is still enforced",
	disk_full:
		"history is not written: the disk is full. Free space, or lower --history-megabytes; the policy is still enforced",
	read_only:
		"history is not written: its folder is read-only. Mount it writable, or set --state-dir; the policy is still enforced",
	locked: "history is not written: another program has locked the file. End that program; the policy is still enforced",
	newer_schema:
		"history is not written: a newer Sallyport made the file. Run that version, or move the file away; the policy is still enforced",
};

function loadedChange({ generation, policy, origin, source, etag, text, loadedAt }: PolicyInForce): PolicyChange {
	const { mode } = policy;
	return { time: loadedAt.getTime(), loaded: true, generation, mode, origin, source, etag, text, problems: [] };
}

function refusedChange({ time, source, origin, problems }: LoadFailure, generation: number): PolicyChange {
	const rendered = problems.slice(0, PROBLEMS).map(renderProblem);
	return {
		...{ time: time.getTime(), loaded: false, generation, origin, source, problems: rendered },
		...{ mode: null, etag: null, text: null },
	};
}

/** Problems of one refused policy that are recorded. */
const PROBLEMS = 100;
/** [ms] */
const DAY = 86_400_000;
const MEGABYTE = 1024 * 1024;
