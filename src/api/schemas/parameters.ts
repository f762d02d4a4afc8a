import { phaseNames, verdictNames } from "../../native/vocabulary.ts";
import type { TopField } from "../../records/contract.ts";
import { names, text } from "./base.ts";

export const limitParameter = {
	type: "integer",
	minimum: 1,
	maximum: 1_000_000,
	default: 100,
	description: "At most so many; a page has at most 1,000, and `next` if there is more.",
} as const;

const cursorParameter = { ...text, maxLength: 4_096, description: "`next` of the page before, with the same filters." };

export const filterParameters = {
	since: { ...text, description: "Active since: a time, seconds since the epoch, or an age such as 15m or -15m." },
	until: { ...text, description: "Began before: as since." },
	kind: { type: "string", enum: ["connection", "dns"] },
	open: { type: "boolean", description: "Only open, or only ended ones." },
	verdict: { type: "string", enum: names(verdictNames) },
	phase: { type: "string", enum: names(phaseNames), description: "The phase that decided." },
	name: {
		...text,
		description:
			'A domain; "*" is one label and "**" in front one or more; where "*" is a part of a label it is any run of characters.',
	},
	address: { ...text, description: "An address or a prefix." },
	port: {
		type: "string",
		pattern: "^[0-9]{1,5}(-[0-9]{1,5})?$",
		description: "A port, or a range such as 1024-65535.",
	},
	protocol: { ...text, description: "tcp, udp, icmp, icmp6 or a number." },
	process: { ...text, description: 'A pid, comm, or the path or file name of the exe; "*" is any run of characters.' },
	exe: { ...text, description: "The path or file name of the program." },
	unit: text,
	container: { ...text, description: "An id, the first digits of one (4 or more), or a name." },
	user: { ...text, description: "A name or a uid." },
	rule: { ...text, description: "That decided, or of an alert that matched." },
	group: text,
} as const;

export const listParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...filterParameters,
		sort: {
			type: "string",
			enum: ["-first", "first", "-last", "-bytesOut", "-bytesIn"],
			default: "-first",
			description: "By time it began, by time it was last active, or by bytes. `-`: the greatest first.",
		},
		limit: limitParameter,
		cursor: cursorParameter,
		from: {
			type: "string",
			enum: ["history", "memory", "both"],
			description: "Where to read. Left out: history, and both while history takes nothing.",
		},
	},
} as const;

export const topFields = [
	"verdict",
	"phase",
	"name",
	"address",
	"port",
	"protocol",
	"process",
	"exe",
	"unit",
	"container",
	"user",
	"rule",
	"group",
] as const satisfies readonly TopField[];

export const topParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...filterParameters,
		by: { ...text, default: "name", description: `One or two of ${topFields.join(", ")}, with a comma between.` },
		sort: {
			type: "string",
			enum: ["count", "denied", "wouldDeny", "bytesOut", "bytesIn", "last"],
			default: "count",
		},
		limit: { type: "integer", minimum: 1, maximum: 1_000, default: 20 },
	},
} as const;

export const namesParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		name: filterParameters.name,
		since: { ...text, description: "Seen since." },
		limit: limitParameter,
		cursor: cursorParameter,
	},
} as const;

const { until: _, ...live } = filterParameters;

export const streamParameters = {
	type: "object",
	additionalProperties: false,
	properties: { ...live, since: { ...text, description: "Begin with what was active since, from history." } },
} as const;
