import type { Status } from "../api/status.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { harmlessJson } from "./harmless.ts";
import { bytesText, fields } from "./words.ts";

export function addStatusCommand(program: CliCommand, deps: CliDeps): void {
	program
		.subcommand("status")
		.description("what runs, which policy is in force, what was denied and what was lost")
		.asks("as one JSON document")
		.examples(["sallyport status", "sallyport status --json | jq .policy.failure"])
		.action(async ({ socket, json }: Asking) => {
			const status = await askJson<Status>({ socket, path: "/v1/status" });
			deps.out.write(json === true ? `${harmlessJson(JSON.stringify(status))}\n` : statusText(status));
		});
}

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
		["connections", `${status.connections.open} open, ${status.connections.ended} ended in memory`],
		["denied", `${status.denied}${status.wouldDeny > 0 ? `; would have been: ${status.wouldDeny}` : ""}`],
		["events", `${status.events.received} received, ${status.events.lost} lost`],
		["history", historyText(status)],
		["maps", mapsText(status)],
		["resolvers", status.resolvers.join(", ")],
	];
	if (policy.failure !== null) {
		lines.push(["refused", `${policy.failure.source} at ${policy.failure.time}:`]);
		for (const problem of policy.failure.problems.slice(0, 10)) lines.push(["", problem]);
	}
	return fields(lines);
}

function policyText({ policy, generation }: Status): string {
	if (policy.mode === null) return generation === 0 ? "none" : `generation ${generation}, loaded by an earlier daemon`;
	return `${policy.source} (mode ${policy.mode}, ${policy.rules} rules, generation ${generation}, since ${policy.loadedAt})`;
}

function historyText({ history }: Status): string {
	if (history === null || history === undefined) return "none is kept";
	const since = history.oldest === null ? "" : `, since ${new Date(history.oldest).toISOString()}`;
	const failure = history.failure === null ? "" : `; ${history.failure.message}`;
	return `${history.rows} rows, ${bytesText(history.bytes)}${since}; ${history.state}, ${history.dropped} dropped${failure}`;
}

/* Those that are fullest are what a person must know of. */
function mapsText({ maps }: Status): string {
	return [...(maps ?? [])]
		.sort((a, b) => b.entries / b.limit - a.entries / a.limit)
		.slice(0, 4)
		.map(({ name, entries, limit }) => `${name} ${Math.round((100 * entries) / limit)} %`)
		.join(", ");
}
