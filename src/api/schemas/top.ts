import { integer, list, object, source, time, unwritten } from "./base.ts";
import { topFields } from "./parameters.ts";

export const topSchema = object({
	by: list({ type: "string", enum: topFields }),
	rows: list(
		object({
			key: {
				type: "object",
				additionalProperties: false,
				properties: Object.fromEntries(
					topFields.map((field) => [field, { type: [field === "port" ? "integer" : "string", "null"] }]),
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
