import { integer, list, object, string } from "./base.ts";

const fieldError = {
	type: "object",
	required: ["detail"],
	properties: { detail: string, parameter: string, pointer: string, file: string, line: integer, column: integer },
} as const;

/** RFC 9457. */
export const problemDetailsSchema = {
	type: "object",
	required: ["type", "title", "status", "detail"],
	properties: { type: string, title: string, status: integer, detail: string, errors: list(fieldError) },
} as const;

export const problemResponses = {
	default: {
		description: "Problem details, RFC 9457.",
		content: { "application/problem+json": { schema: problemDetailsSchema } },
	},
} as const;

/** PolicyProblem of src/policy/read/problem.ts. */
export const policyProblemSchema = object(
	{ file: string, line: integer, column: integer, path: string, message: string, expected: string, suggestion: string },
	["suggestion"],
);
