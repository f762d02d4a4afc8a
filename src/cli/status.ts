import type { Command } from "commander";
import type { Status } from "../api/status.ts";
import { DEFAULTS } from "../config.ts";
import { printable } from "../text.ts";
import { askJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath } from "./options.ts";

export function addStatusCommand(program: Command, deps: CliDeps): void {
	program
		.command("status")
		.description("what runs, which policy is in force, what was denied and what was lost")
		.option("--socket <path>", "unix socket of the daemon", absolutePath, DEFAULTS.socket ?? undefined)
		.option("--json", "as one JSON document")
		.addHelpText("after", "\nExamples:\n  sallyport status\n  sallyport status --json | jq .policy.failure")
		.action(async (options: { readonly socket: string; readonly json?: boolean }) => {
			const status = await askJson<Status>(options.socket, "/v1/status");
			deps.out.write(options.json === true ? `${JSON.stringify(status)}\n` : statusText(status));
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
		["resolvers", status.resolvers.join(", ")],
	];
	if (policy.failure !== null) {
		lines.push(["refused", `${policy.failure.source} at ${policy.failure.time}:`]);
		for (const problem of policy.failure.problems.slice(0, 10)) lines.push(["", problem]);
	}
	return lines.map(([title, text]) => `${title.padEnd(12)} ${printable(text)}\n`).join("");
}

function policyText({ policy, generation }: Status): string {
	if (policy.mode === null) return generation === 0 ? "none" : `generation ${generation}, loaded by an earlier daemon`;
	return `${policy.source} (mode ${policy.mode}, ${policy.rules} rules, generation ${generation}, since ${policy.loadedAt})`;
}
