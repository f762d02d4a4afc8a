import { endNames, phaseNames, reasonNames, verdictNames } from "../../native/vocabulary.ts";
import { integer, list, names, nullable, object, source, string, time, unwritten } from "./base.ts";

const decision = object({
	verdict: { type: "string", enum: names(verdictNames) },
	reason: { type: "string", enum: names(reasonNames) },
	group: nullable("string"),
	rule: nullable("string"),
	generation: integer,
});

const process = object({
	pid: integer,
	ppid: nullable("integer"),
	comm: string,
	exe: nullable("string"),
	args: list(string),
	uid: integer,
	user: nullable("string"),
	parentComm: nullable("string"),
});

/** HistoryRecord of src/records/contract.ts; docs/api.md says what the fields mean. */
const properties = {
	id: integer,
	kind: { type: "string", enum: ["connection", "dns"] },
	first: time,
	last: time,
	durationMs: { type: "number" },
	open: { type: "boolean" },
	process: orNull(process),
	unit: nullable("string"),
	container: nullable("string"),
	cgroup: nullable("string"),
	protocol: string,
	remote: string,
	remotePort: integer,
	local: nullable("string"),
	localPort: nullable("integer"),
	name: nullable("string"),
	nameSource: { type: ["string", "null"], enum: ["sni", "http", "dns", null] },
	encryptedDns: { type: ["string", "null"], enum: ["dot", "doq", "doh", null] },
	verdict: { type: "string", enum: names(verdictNames) },
	phase: { type: ["string", "null"], enum: [...names(phaseNames), null] },
	rule: nullable("string"),
	group: nullable("string"),
	reason: { type: ["string", "null"], enum: [...names(reasonNames), null] },
	alerts: list(object({ group: string, rule: string })),
	decisions: {
		type: "object",
		additionalProperties: false,
		properties: Object.fromEntries(phaseNames.map((phase) => [phase, decision])),
	},
	bytesOut: integer,
	bytesIn: integer,
	packetsOut: integer,
	packetsIn: integer,
	end: { type: ["string", "null"], enum: [...names(endNames), null] },
	query: orNull(object({ type: string, addresses: list(string) })),
	http: orNull(
		object({
			method: string,
			host: nullable("string"),
			path: string,
			status: nullable("integer"),
			requests: integer,
		}),
	),
	rttUs: nullable("number"),
	retransmits: integer,
	encryptedHello: { type: "boolean" },
} as const;

export const connectionSchema = object(properties);

export const connectionListSchema = object({
	connections: list(connectionSchema),
	next: { ...nullable("string"), description: "The cursor of the next page." },
	more: { type: "boolean" },
	source,
	unwritten,
});

export const connectionDetailSchema = object({
	...properties,
	steps: list(
		object({
			phase: { type: "string", enum: names(phaseNames) },
			verdict: { type: "string", enum: names(verdictNames) },
			reason: { type: "string", enum: names(reasonNames) },
			group: nullable("string"),
			rule: nullable("string"),
			generation: integer,
			decides: { type: "boolean" },
			record: nullable("integer"),
			text: string,
		}),
	),
	source,
	unwritten,
});

function orNull<T extends { readonly type: "object" }>(schema: T) {
	return { ...schema, type: ["object", "null"] } as const;
}
