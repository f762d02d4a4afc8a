import { boolean, integer, list, namedObject, nullable, orNull, ref, string, time } from "./base.ts";
import { sourceSchema, unwrittenSchema } from "./source.ts";

const summary = {
	name: string,
	first: { ...time, description: "When the name was first seen." },
	last: { ...time, description: "When the name was last seen." },
	questions: { ...integer, description: "DNS queries for the name." },
	connections: integer,
	denied: integer,
	wouldDeny: integer,
};

export const nameSummarySchema = namedObject("NameSummary", "A domain name that was queried or connected to.", {
	...summary,
	addresses: list(string),
});

export const nameListSchema = namedObject("NameList", "One page of names in alphabetical order.", {
	names: list(ref(nameSummarySchema)),
	next: { ...nullable("string"), description: "The cursor of the next page." },
	more: { ...boolean, description: "There is a next page." },
	source: ref(sourceSchema),
	unwritten: orNull(unwrittenSchema),
});

export const nameAddressSchema = namedObject("NameAddress", "An address that DNS gave for the name.", {
	address: string,
	ttl: { ...integer, description: "The TTL of the last response, in seconds." },
	first: time,
	last: time,
	trusted: { ...boolean, description: "A trusted resolver sent the response." },
	heldUntil: {
		type: ["string", "null"],
		format: "date-time",
		description: "Until then the kernel maps the address to the name; null if it does not.",
	},
});

export const nameClientSchema = namedObject("NameClient", "A process that queried the name or connected to it.", {
	process: string,
	exe: nullable("string"),
	unit: nullable("string"),
	container: nullable("string"),
	uid: integer,
	user: nullable("string"),
	questions: integer,
	connections: integer,
	last: time,
});

export const ruleOfNameSchema = namedObject("NameRule", "A rule of the policy in force whose domains cover the name.", {
	group: string,
	rule: string,
	action: { type: "string", enum: ["allow", "deny", "alert"] },
	phases: list(string),
	also: { ...list(string), description: "The other conditions of the rule." },
});

export const nameDetailSchema = namedObject("NameDetail", "A name with its addresses, clients and matching rules.", {
	...summary,
	addresses: list(ref(nameAddressSchema)),
	askedBy: { ...list(ref(nameClientSchema)), description: "The most recent first, at most 100." },
	rules: list(ref(ruleOfNameSchema)),
	source: ref(sourceSchema),
	unwritten: orNull(unwrittenSchema),
});
