import { integer, list, nullable, object, source, string, time, unwritten } from "./base.ts";

const summary = {
	name: string,
	first: time,
	last: time,
	questions: integer,
	connections: integer,
	denied: integer,
	wouldDeny: integer,
} as const;

export const namesSchema = object({
	names: list(object({ ...summary, addresses: list(string) })),
	next: nullable("string"),
	more: { type: "boolean" },
	source,
	unwritten,
});

export const nameSchema = object({
	...summary,
	addresses: list(
		object({
			address: string,
			ttl: { ...integer, description: "Seconds, of the last answer." },
			first: time,
			last: time,
			trusted: { type: "boolean", description: "Answered by a trusted resolver." },
			heldUntil: {
				type: ["string", "null"],
				format: "date-time",
				description: "The kernel takes the address for the name until then; null: it does not.",
			},
		}),
	),
	askedBy: list(
		object({
			process: string,
			exe: nullable("string"),
			unit: nullable("string"),
			container: nullable("string"),
			uid: integer,
			user: nullable("string"),
			questions: integer,
			connections: integer,
			last: time,
		}),
	),
	rules: list(
		object({
			group: string,
			rule: string,
			action: { type: "string", enum: ["allow", "deny", "alert"] },
			phases: list(string),
			also: { ...list(string), description: "Conditions that the rule has besides its domain." },
		}),
	),
	source,
	unwritten,
});
