import { endNames, phaseNames, reasonNames, verdictNames } from "../native/layout.ts";

declare module "fastify" {
	interface FastifySchema {
		/** For OpenAPI. */
		summary?: string;
		consumes?: readonly string[];
	}
}

const text = { type: "string", minLength: 1, maxLength: 512 } as const;

export const connectionsQuery = {
	type: "object",
	additionalProperties: false,
	properties: {
		kind: { type: "string", enum: ["connection", "dns"] },
		open: { type: "boolean", description: "Only open, or only ended ones." },
		verdict: { type: "string", enum: names(verdictNames) },
		phase: { type: "string", enum: names(phaseNames), description: "The phase that decided." },
		name: { ...text, description: 'A domain; "*" stands for any characters.' },
		address: { ...text, description: "An address or a prefix." },
		port: { type: "integer", minimum: 0, maximum: 65_535 },
		protocol: { ...text, description: "tcp, udp, icmp, icmp6 or a number." },
		process: { ...text, description: "A pid, comm, or the path or file name of the exe." },
		unit: text,
		container: { ...text, description: "An id, the first digits of one (4 or more), or a name." },
		user: { ...text, description: "A name or a uid." },
		rule: text,
		group: text,
		since: { ...text, description: "Active since: a time, seconds since the epoch, or an age such as 15m." },
		limit: { type: "integer", minimum: 1, maximum: 100_000, default: 100 },
	},
} as const;

const nullable = (type: string) => ({ type: [type, "null"] }) as const;

const decision = {
	type: "object",
	properties: {
		verdict: { type: "string", enum: names(verdictNames) },
		reason: { type: "string", enum: names(reasonNames) },
		group: nullable("string"),
		rule: nullable("string"),
		generation: { type: "integer" },
	},
} as const;

/** ConnectionView of src/connections/view.ts. */
export const connectionSchema = {
	type: "object",
	properties: {
		id: { type: "integer" },
		kind: { type: "string", enum: ["connection", "dns"] },
		first: { type: "string", format: "date-time" },
		last: { type: "string", format: "date-time" },
		process: {
			type: ["object", "null"],
			properties: {
				pid: { type: "integer" },
				ppid: nullable("integer"),
				comm: { type: "string" },
				exe: nullable("string"),
				args: { type: "array", items: { type: "string" } },
				uid: { type: "integer" },
				user: nullable("string"),
				parentComm: nullable("string"),
			},
		},
		unit: nullable("string"),
		container: nullable("string"),
		cgroup: nullable("string"),
		protocol: { type: "string" },
		remote: { type: "string" },
		remotePort: { type: "integer" },
		local: nullable("string"),
		localPort: nullable("integer"),
		name: nullable("string"),
		nameSource: { type: ["string", "null"], enum: ["sni", "dns", null] },
		verdict: { type: "string", enum: names(verdictNames) },
		phase: { type: ["string", "null"], enum: [...names(phaseNames), null] },
		rule: nullable("string"),
		group: nullable("string"),
		reason: { type: ["string", "null"], enum: [...names(reasonNames), null] },
		alerts: {
			type: "array",
			items: { type: "object", properties: { group: { type: "string" }, rule: { type: "string" } } },
		},
		decisions: { type: "object", properties: Object.fromEntries(phaseNames.map((phase) => [phase, decision])) },
		bytesOut: { type: "integer" },
		bytesIn: { type: "integer" },
		packetsOut: { type: "integer" },
		packetsIn: { type: "integer" },
		durationMs: { type: "number" },
		end: { type: ["string", "null"], enum: [...names(endNames), null] },
		open: { type: "boolean" },
		query: {
			type: ["object", "null"],
			properties: { type: { type: "string" }, addresses: { type: "array", items: { type: "string" } } },
		},
	},
} as const;

export const errorSchema = {
	type: "object",
	properties: { error: { type: "string" }, message: { type: "string" }, etag: nullable("string") },
} as const;

export const problemSchema = {
	type: "object",
	properties: {
		file: { type: "string" },
		line: { type: "integer" },
		column: { type: "integer" },
		path: { type: "string" },
		message: { type: "string" },
		expected: { type: "string" },
		suggestion: { type: "string" },
	},
} as const;

export const policyDocumentSchema = {
	type: "object",
	properties: {
		text: { type: "string" },
		generation: { type: "integer" },
		etag: { type: "string" },
		mode: { type: "string" },
		source: { type: "string" },
		origin: { type: "string", enum: ["file", "api", "built-in"] },
		loadedAt: { type: "string", format: "date-time" },
	},
} as const;

function names(table: readonly (string | null)[]): string[] {
	return table.filter((name) => name !== null);
}
