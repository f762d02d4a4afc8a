import { LIST_WORD_NAMES } from "../../records/filter-words.ts";
import { integer, list, namedObject, orNull, ref, time } from "./base.ts";
import { sourceSchema, unwrittenSchema } from "./source.ts";

export const topKeySchema = {
	$id: "TopKey",
	description: "The values of the fields by which the records are grouped; null if the records have none.",
	type: "object",
	properties: Object.fromEntries(
		LIST_WORD_NAMES.map((field) => [field, { type: [field === "port" ? "integer" : "string", "null"] }]),
	),
};

export const topRowSchema = namedObject("TopRow", "One group of records.", {
	key: ref(topKeySchema),
	count: { ...integer, description: "The number of records." },
	denied: integer,
	wouldDeny: integer,
	bytesOut: integer,
	bytesIn: integer,
	first: time,
	last: time,
});

export const topSchema = namedObject("Top", "Records grouped by one or two fields.", {
	by: list({ type: "string", enum: LIST_WORD_NAMES }),
	rows: list(ref(topRowSchema)),
	source: ref(sourceSchema),
	unwritten: orNull(unwrittenSchema),
});
