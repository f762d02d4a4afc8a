import type { OverlayDocument } from "../api/overlay-types.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, refusal, requestJson, send } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { addTableOptions, checkColumns, type Table, type TableOptions, tableLines } from "./table.ts";
import { harmlessJson, timeText } from "./text.ts";

type ListOptions = DaemonOptions & TableOptions;

/** Adds `overlays` and `revoke`. */
export function addOverlaysCommands(program: CliCommand, deps: CliDeps): void {
	const list = program.subcommand("overlays").description("list the overlays: rules above the policy, with their ends");
	addTableOptions(
		list,
		TABLE.columns.map(({ key }) => key),
	)
		.queriesDaemon("one JSON object per line and overlay")
		.examples(["sallyport overlays", "sallyport overlays --json | jq -r 'select(.until == null) | .name'"])
		.action((options: ListOptions) => listOverlays(options, deps));
	program
		.subcommand("revoke")
		.description("end overlays: connections that only they allowed are closed")
		.argument("<name...>", "names of overlays")
		.queriesDaemon("the names as one JSON document")
		.examples([
			"sudo sallyport revoke overlay-1a2b3c",
			"sallyport overlays --json | jq -r .name | xargs -r sudo sallyport revoke",
		])
		.action((names: readonly string[], options: DaemonOptions) => revoke(names, options, deps));
}

async function listOverlays(options: ListOptions, { out }: CliDeps): Promise<void> {
	checkColumns(TABLE, options);
	const { overlays } = await requestJson<{ readonly overlays: readonly OverlayDocument[] }>({
		socket: options.socket,
		path: "/v1/overlays",
	});
	if (options.json === true) {
		for (const each of overlays) out.write(`${harmlessJson(JSON.stringify(each))}\n`);
		return;
	}
	if (overlays.length === 0 && out.terminal) out.write("There are no overlays.\n");
	else for (const line of tableLines(TABLE, options, out, [...overlays])) out.write(`${line}\n`);
}

async function revoke(names: readonly string[], { socket, json }: DaemonOptions, { out }: CliDeps): Promise<void> {
	for (const name of names) {
		const reply = await send({ socket, path: `/v1/overlays/${encodeURIComponent(name)}`, method: "DELETE" });
		const answer = await bodyText(reply);
		if (reply.status >= 300) throw refusal(answer, reply.status);
		if (json !== true) out.write(`overlay ${name}: ended\n`);
	}
	if (json === true) out.write(`${harmlessJson(JSON.stringify({ revoked: names }))}\n`);
}

const TABLE: Table<OverlayDocument> = {
	columns: [
		{ key: "name", title: "NAME", text: ({ name }) => name, least: 8, usual: 16, most: 63 },
		{ key: "rules", title: "RULES", text: rulesText, least: 10, usual: 30 },
		{ key: "until", title: "UNTIL", text: untilText, least: 19, usual: 19 },
		{ key: "scope", title: "SCOPE", text: ({ scope }) => scope ?? "everything", least: 8, usual: 20 },
		{ key: "owner", title: "OWNER", text: ({ owner }) => owner, least: 4, usual: 8 },
		{ key: "reason", title: "REASON", text: ({ reason, problem }) => problem ?? reason, least: 6, usual: 20 },
		{ key: "keep", title: "KEEP", text: ({ keep }) => (keep ? "yes" : "no"), least: 4, usual: 4 },
		{ key: "created", title: "CREATED", text: ({ createdAt }) => timeText(createdAt), least: 19, usual: 19 },
	],
	worth: ["name", "rules", "until", "scope", "owner", "reason"],
};

/** "allow example.com:443, deny :25" */
function rulesText({ rules }: OverlayDocument): string {
	return (rules as readonly WrittenRule[]).map(ruleText).join(", ");
}

interface WrittenRule {
	readonly action?: unknown;
	readonly to?: { readonly domain?: unknown; readonly cidr?: unknown; readonly ports?: unknown };
}

function ruleText({ action, to = {} }: WrittenRule): string {
	const where = [to.domain, to.cidr]
		.flat()
		.filter((each) => each !== undefined)
		.join(" ");
	const ports = to.ports === undefined ? "" : `:${[to.ports].flat().join(",")}`;
	return `${String(action)} ${where === "" && ports === "" ? "everything" : `${where}${ports}`}`;
}

function untilText({ until, inForce }: OverlayDocument): string {
	if (!inForce) return "NOT IN FORCE";
	return until === null ? "revoked" : timeText(until);
}
