import type { Status } from "../api/status.ts";
import { countText } from "../base/text.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { requestJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { bytesText, fields, harmlessJson } from "./text.ts";

export function addStatusCommand(program: CliCommand, deps: CliDeps): void {
	program
		.subcommand("status")
		.description("show the daemon, the policy in force, and the numbers of denied and lost events")
		.queriesDaemon("one JSON document")
		.examples(["sallyport status", "sallyport status --json | jq .policy.failure"])
		.action(async ({ socket, json }: DaemonOptions) => {
			const status = await requestJson<Status>({ socket, path: "/v1/status" });
			deps.out.write(json === true ? `${harmlessJson(JSON.stringify(status))}\n` : statusText(status));
		});
}

/** The status for a person: one "title   text" line per subject. */
export function statusText(status: Status): string {
	const { policy } = status;
	const lines: [string, string][] = [
		["daemon", `${status.version}, process ${status.pid}, since ${status.startedAt}`],
		[
			"kernel",
			`${status.kernel}, ${status.programs.length} programs ${status.adopted ? "adopted" : "loaded"}, pinned at ${status.pins}`,
		],
		["watches", status.cgroup],
		["policy", policyText(status)],
		["overlays", overlaysText(status)],
		["connections", `${status.connections.open} open, ${status.connections.ended} ended in memory`],
		["questions", `${status.connections.questions} in memory`],
		["denied", `${status.denied}${status.wouldDeny > 0 ? `; would be denied: ${status.wouldDeny}` : ""}`],
		["events", `${status.events.received} received, ${status.events.lost} lost`],
		["history", historyText(status)],
		["throttled", throttledText(status)],
		["maps", mapsText(status)],
		["resolvers", status.resolvers.join(", ")],
		["search", status.search?.join(", ") ?? ""],
		["names", namesText(status)],
	];
	const lost = status.attachment?.problem ?? null;
	if (lost !== null) lines.unshift(["NOT ENFORCED", lost]);
	if (policy.failure !== null) {
		lines.push(["refused", `${policy.failure.source} at ${policy.failure.time}:`]);
		for (const problem of policy.failure.problems.slice(0, 10)) lines.push(["", problem]);
	}
	return fields(lines);
}

function policyText({ policy, generation }: Status): string {
	if (policy.mode === null) return generation === 0 ? "none" : `generation ${generation}, loaded by an earlier daemon`;
	return `${policy.source} (mode ${policy.mode}, ${countText(policy.rules ?? 0, "rule")}, generation ${generation}, since ${policy.loadedAt})`;
}

function overlaysText({ overlays }: Status): string {
	return (overlays ?? [])
		.map(({ name, owner, until, scope, problem }) => {
			const end = problem !== null ? "NOT IN FORCE" : until === null ? "no end" : `until ${until}`;
			return `${name} (${owner}, ${end}${scope === null ? "" : `, ${scope}`})`;
		})
		.join("; ");
}

function namesText({ names }: Status): string {
	const { kept, unanswered, leftOut } = names ?? { kept: 0, unanswered: 0, leftOut: 0 };
	const failing = unanswered > 0 ? `, ${unanswered} without an answer` : "";
	const over = leftOut > 0 ? `; ${leftOut} over the limit, and not kept` : "";
	return `${kept} kept resolved${failing}${over}`;
}

function historyText({ history }: Status): string {
	if (history === null || history === undefined) return "none is kept";
	const since = history.oldest === null ? "" : `, since ${new Date(history.oldest).toISOString()}`;
	const failure = history.failure === null ? "" : `; ${history.failure.message}`;
	return `${history.rows} rows, ${bytesText(history.bytes)}${since}; ${history.state}, ${history.dropped} dropped${failure}`;
}

/* An earlier daemon does not report them. */
function throttledText({ events, history }: Status): string {
	const lost = (events.throttled ?? []).map(({ source, events }) => `${source} (${countText(events, "event")})`);
	const gone = (history?.throttled ?? []).map(
		({ source, removed, dropped }) => `${source} (${countText(removed + dropped, "record")})`,
	);
	return [...lost, ...gone].join(", ");
}

/* The four fullest maps. */
function mapsText({ maps }: Status): string {
	return [...(maps ?? [])]
		.sort((a, b) => b.entries / b.limit - a.entries / a.limit)
		.slice(0, 4)
		.map(({ name, entries, limit }) => `${name} ${Math.round((100 * entries) / limit)} %`)
		.join(", ");
}
