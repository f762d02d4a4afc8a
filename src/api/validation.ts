import type { FastifyError, FastifySchemaValidationError } from "fastify";
import { printable } from "../base/text.ts";

/** One invalid part of the request. */
export interface FieldError {
	readonly detail: string;
	/** A parameter of the query or the path. */
	readonly parameter?: string;
	/** A JSON pointer (RFC 6901) into the body. */
	readonly pointer?: string;
	/** A position in a policy. */
	readonly file?: string;
	readonly line?: number;
	readonly column?: number;
}

/** The invalid parts of a request, from the errors of the schema validator (ajv). */
export function fieldErrors({ validation = [], validationContext = "body" }: FastifyError): FieldError[] {
	return validation.map((error) => {
		const detail = printable(detailOf(error, validationContext));
		const path = pathOf(error);
		if (validationContext === "body") return { pointer: printable(path), detail };
		/* "/name/0" is the first value of the parameter "name". */
		return { parameter: printable(path.split("/")[1] ?? ""), detail };
	});
}

/** All of them as one sentence. */
export function sentenceOf(errors: readonly FieldError[]): string {
	const parts = errors.map(({ parameter, pointer, detail }) => `${parameter ?? (pointer || "the body")} ${detail}`);
	return `${parts.join("; ")}.`;
}

/* The validator reports an unknown or missing member at the object around it. */
function pathOf({ instancePath, params }: FastifySchemaValidationError): string {
	const member = params["additionalProperty"] ?? params["missingProperty"];
	return member === undefined ? instancePath : `${instancePath}/${String(member)}`;
}

function detailOf({ keyword, params, message }: FastifySchemaValidationError, context: string): string {
	const limit = Number(params["limit"]);
	switch (keyword) {
		case "additionalProperties":
			return context === "body" ? "is not a known member" : "is not a known parameter";
		case "required":
			return "is required";
		case "enum":
			return `must be one of ${(params["allowedValues"] as readonly unknown[]).join(", ")}`;
		case "type":
			return `must be ${[params["type"]]
				.flat()
				.map((type) => TYPES.get(String(type)) ?? String(type))
				.join(" or ")}`;
		case "minLength":
			return limit === 1 ? "must not be empty" : `must have at least ${limit} characters`;
		case "maxLength":
			return `must have at most ${limit} characters`;
		case "minItems":
			return limit === 1 ? "must not be empty" : `must have at least ${limit} items`;
		case "maxItems":
			return `must have at most ${limit} items`;
		case "minimum":
			return `must be at least ${limit}`;
		case "maximum":
			return `must be at most ${limit}`;
		case "pattern":
			return `must match the pattern ${String(params["pattern"])}`;
		default:
			return message ?? "is invalid";
	}
}

const TYPES: ReadonlyMap<string, string> = new Map(
	Object.entries<string>({
		array: "a list",
		boolean: "true or false",
		integer: "an integer",
		null: "null",
		number: "a number",
		object: "an object",
		string: "a string",
	}),
);
