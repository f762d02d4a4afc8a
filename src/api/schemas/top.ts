import { LIST_WORD_NAMES } from "../../records/filter-words.ts";
import { integer, list, object, source, time, unwritten } from "./base.ts";

export const topSchema = object({
	by: list({ type: "string", enum: LIST_WORD_NAMES }),
	rows: list(
		object({
			key: {
				type: "object",
				additionalProperties: false,
				properties: Object.fromEntries(
					LIST_WORD_NAMES.map((field) => [field, { type: [field === "port" ? "integer" : "string", "null"] }]),
				),
			},
			count: integer,
			denied: integer,
			wouldDeny: integer,
			bytesOut: integer,
			bytesIn: integer,
			first: time,
			last: time,
		}),
	),
	source,
	unwritten,
});
