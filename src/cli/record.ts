import type { ConnectionView, DecisionView, HttpView, QueryView } from "../records/view.ts";
import { endpointText } from "./connection-table.ts";
import { bytesText, fields, timeText } from "./text.ts";

type Detail = ConnectionView & {
	readonly steps?: readonly Step[];
	readonly remedy?: { readonly text: string; readonly rule: string | null } | null;
};

/** One record in full, for a person: one "title   text" line per fact. */
export function recordText(record: Detail): string {
	const { process, query, http, remedy } = record;
	const end = record.open ? "still open" : `${record.end ?? "end unknown"}, after ${record.durationMs} ms`;
	return fields([
		["id", String(record.id)],
		["kind", record.kind === "dns" ? "DNS question" : "connection"],
		["time", `${timeText(record.first)} to ${timeText(record.last)}; ${end}`],
		["to", `${record.protocol} ${endpointText(record.remote, record.remotePort)}`],
		["from", record.local === null ? "" : endpointText(record.local, record.localPort ?? 0)],
		["name", record.name === null ? "" : `${record.name} (${record.nameSource})`],
		[
			"encrypted",
			record.encryptedDns === null ? "" : `DNS (${record.encryptedDns}): names looked up here are not visible`,
		],
		["question", query === null ? "" : questionText(query)],
		["request", http === null ? "" : requestText(http)],
		["process", process === null ? "" : `${process.comm}[${process.pid}] ${process.exe ?? ""}`.trimEnd()],
		["arguments", process?.args.join(" ") ?? ""],
		["parent", process?.parentComm === null || process === null ? "" : `${process.parentComm}[${process.ppid ?? "?"}]`],
		["user", process === null ? "" : `${process.user ?? ""} (${process.uid})`.trimStart()],
		["unit", record.unit ?? ""],
		["container", record.container ?? ""],
		["cgroup", record.cgroup ?? ""],
		["bytes", `${bytesText(record.bytesOut)} out, ${bytesText(record.bytesIn)} in`],
		["verdict", `${record.verdict.replace("_", " ")}${(record.count ?? 1) > 1 ? `, ${record.count} times` : ""}`],
		...decisions(record),
		["remedy", remedy?.text ?? ""],
		["rule", remedy?.rule ?? ""],
		["alerts", record.alerts.map(({ group, rule }) => `${group}/${rule}`).join(", ")],
	]);
}

/** AAAA: nxdomain, or A: 192.0.2.1 */
function questionText({ type, outcome, addresses }: QueryView): string {
	if (addresses.length > 0) return `${type}: ${addresses.join(", ")}`;
	return `${type}: ${outcome === null ? "no address" : outcome === "none" ? "no response" : outcome}`;
}

/** GET http://www.example.com/index.html: 200 (the last of 3) */
function requestText({ method, host, path, status, requests }: HttpView): string {
	const answer = status === null ? "" : `: ${status}`;
	return `${method} ${host ?? "(no host)"} ${path}${answer}${requests > 1 ? ` (the last of ${requests})` : ""}`;
}

/* The steps include the DNS question before the connection, which the decisions do not. */
function decisions({ steps, decisions }: Detail): [string, string][] {
	if (steps !== undefined)
		return steps.map(({ text, decides }, at) => [`  ${at + 1}.`, `${text}${decides ? " <- decided" : ""}`]);
	return Object.entries(decisions).map(([phase, each]) => [`  ${phase}`, decisionText(each)]);
}

interface Step {
	readonly text: string;
	readonly decides: boolean;
}

function decisionText({ verdict, reason, group, rule, generation }: DecisionView): string {
	const by = rule === null ? reason : `rule ${group}/${rule}`;
	return `${verdict.replace("_", " ")}: ${by}, policy generation ${generation}`;
}
