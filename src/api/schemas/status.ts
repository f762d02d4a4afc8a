import { integer, list, nullable, object, string, time } from "./base.ts";

const failure = {
	...object({ time, source: string, problems: list(string) }),
	type: ["object", "null"],
} as const;

/** Status of src/api/status.ts. */
export const statusSchema = object({
	version: string,
	pid: integer,
	startedAt: time,
	cgroup: string,
	pins: string,
	adopted: { type: "boolean" },
	kernel: string,
	generation: integer,
	policy: object({
		mode: nullable("string"),
		source: nullable("string"),
		origin: nullable("string"),
		etag: nullable("string"),
		rules: nullable("integer"),
		loadedAt: { type: ["string", "null"], format: "date-time" },
		failure,
	}),
	events: object({ received: integer, lost: integer, unreadable: integer }),
	connections: object({ open: integer, ended: integer, dropped: integer }),
	denied: integer,
	wouldDeny: integer,
	resolvers: list(string),
	maps: list(object({ name: string, entries: integer, limit: integer })),
	versions: { type: "object", additionalProperties: string },
	/** HistoryStatus of src/records/contract.ts. */
	history: { type: ["object", "null"], additionalProperties: true },
	streams: integer,
	programs: list(object({ name: string, id: integer, verifiedInstructions: integer })),
});

export const healthSchema = object({ status: { type: "string", enum: ["ok", "ill"] }, message: string }, ["message"]);

export const readySchema = object({
	ready: { type: "boolean" },
	checks: { type: "object", additionalProperties: string },
});
