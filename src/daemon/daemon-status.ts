import { release } from "node:os";
import type { SocketFile } from "../api/socket-file.ts";
import type { Readiness, Status } from "../api/status.ts";
import { countText } from "../base/text.ts";
import type { ConnectionTable } from "../connections/connection-table.ts";
import type { Attachment } from "../enforce/attachment.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { CgroupTable } from "../identity/cgroup-table.ts";
import { deniedOf, lostOf } from "../metrics/kernel.ts";
import type { MapFills } from "../metrics/maps.ts";
import type { Kernel } from "../native/binding.ts";
import { VERDICT } from "../native/layout.ts";
import type { Pump } from "../native/pump.ts";
import type { OverlayEntry } from "../overlays/overlay-record.ts";
import type { Overlays } from "../overlays/overlays.ts";
import { renderProblem } from "../policy/read/problem.ts";
import { type HistoryStatus, THROTTLED } from "../records/history-status.ts";
import { ringThrottled } from "./ring-shares.ts";

export interface StatusOptions {
	readonly version: string;
	readonly libbpfVersion: string;
	readonly startedAt: Date;
	readonly cgroup: string;
	readonly pins: string;
	readonly kernel: Kernel;
	readonly policy: PolicyService;
	readonly overlays: Overlays;
	readonly pump: Pump;
	readonly table: ConnectionTable;
	readonly cgroups: CgroupTable;
	readonly resolvers: readonly string[];
	readonly search: readonly string[];
	readonly names: Status["names"];
	readonly history: HistoryStatus | null;
	readonly streams: number;
	readonly fills: MapFills;
	readonly attachment: Attachment;
}

/** The document of GET /v1/status. */
export function statusOf(o: StatusOptions): Status {
	const { kernel, policy, pump, table } = o;
	/* Counted in another thread; this status shows the counts of the last time. */
	void o.fills.read();
	const counters = kernel.sum("counters");
	const { live, finished, questions } = table.kept.sizes;
	return {
		version: o.version,
		pid: process.pid,
		startedAt: o.startedAt.toISOString(),
		cgroup: o.cgroup,
		pins: o.pins,
		adopted: kernel.adopted,
		kernel: release(),
		generation: policy.generation,
		attachment: { problem: o.attachment.problem, repairs: o.attachment.repairs },
		policy: policyStatus(policy),
		overlays: o.overlays.list().map((entry) => overlayStatus(entry)),
		events: {
			received: pump.counts.records,
			lost: lostOf(counters),
			unreadable: pump.counts.unknown,
			throttled: ringThrottled(kernel, o.cgroups, THROTTLED),
		},
		connections: { open: live, ended: finished, questions, dropped: table.dropped },
		denied: deniedOf(counters, VERDICT.deny),
		wouldDeny: deniedOf(counters, VERDICT.wouldDeny),
		resolvers: o.resolvers,
		search: o.search,
		names: o.names,
		maps: o.fills.known.map(({ name, entries, capacity }) => ({ name, entries, limit: capacity })),
		versions: {
			sallyport: o.version,
			node: process.versions.node,
			kernel: release(),
			libbpf: o.libbpfVersion,
			sqlite: process.versions.sqlite ?? "none",
		},
		history: o.history,
		streams: o.streams,
		programs: kernel.programs().map(({ name, id, verifiedInstructions }) => ({ name, id, verifiedInstructions })),
	};
}

/** The status line of the service manager. */
export function statusLine(
	o: Pick<StatusOptions, "kernel" | "policy" | "table"> & { readonly attachment: Pick<Attachment, "problem"> },
): string {
	const { kernel, policy, table, attachment } = o;
	if (attachment.problem !== null) return `NOTHING IS ENFORCED: ${attachment.problem}`;
	const { current, generation } = policy;
	const counters = kernel.sum("counters");
	const what =
		current === null
			? `an earlier daemon's policy is in force (generation ${generation})`
			: `${current.policy.mode} ${current.source} (generation ${generation}, ${countText(current.policy.rules.length, "rule")})`;
	const refused = policy.healthy ? "" : "; the last policy was REFUSED, see the log";
	const denied = deniedOf(counters, VERDICT.deny);
	return `${what}${refused}: ${table.kept.sizes.live} open, ${denied} denied, ${lostOf(counters)} events lost`;
}

/**
 * Ready once this daemon's own policy is in force, at programs that are attached, and while clients can connect to the
 * socket. A failure of history is reported, and
 * does not affect readiness.
 */
export function readiness(
	policy: PolicyService,
	attachment: Pick<Attachment, "problem">,
	socket: Pick<SocketFile, "problem"> | null,
	history: HistoryStatus | null,
): Readiness {
	const own = policy.current === null ? "the policy in force is an earlier daemon's" : "ok";
	return {
		ready:
			policy.generation > 0 &&
			policy.current !== null &&
			attachment.problem === null &&
			(socket?.problem ?? null) === null,
		checks: {
			policy: policy.generation === 0 ? "no policy is in force" : own,
			attachment: attachment.problem ?? "ok",
			socket: socket === null ? "none is configured" : (socket.problem ?? "ok"),
			history: history === null ? "none is kept" : (history.failure?.message ?? "ok"),
		},
	};
}

function overlayStatus({ record, problem }: OverlayEntry): Status["overlays"][number] {
	const { name, owner, reason, scope, until, keep, rules } = record;
	return { name, owner, reason, scope, until, keep, rules: rules.length, problem };
}

function policyStatus({ current, lastFailure }: PolicyService): Status["policy"] {
	return {
		mode: current?.policy.mode ?? null,
		source: current?.source ?? null,
		origin: current?.origin ?? null,
		etag: current?.etag ?? null,
		rules: current?.policy.rules.length ?? null,
		loadedAt: current?.loadedAt.toISOString() ?? null,
		failure:
			lastFailure === null
				? null
				: {
						time: lastFailure.time.toISOString(),
						source: lastFailure.source,
						problems: lastFailure.problems.slice(0, 100).map(renderProblem),
					},
	};
}
