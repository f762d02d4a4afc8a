import { integer, list, namedObject, ref, string } from "./base.ts";

const fieldErrorSchema = namedObject(
	"FieldError",
	"One invalid part of the request, with its location.",
	{
		detail: string,
		parameter: { ...string, description: "A parameter of the query or the path." },
		pointer: { ...string, description: "A JSON pointer (RFC 6901) into the body." },
		file: { ...string, description: "The policy file or list file." },
		line: { ...integer, description: "In the file, from 1." },
		column: { ...integer, description: "In the line, from 1." },
	},
	{ optional: ["parameter", "pointer", "file", "line", "column"] },
);

const problem = {
	type: { ...string, description: "urn:sallyport:problem: and the kind of the problem." },
	title: string,
	status: { ...integer, description: "The HTTP status code." },
	detail: string,
	errors: list(ref(fieldErrorSchema)),
};

/** RFC 9457. */
const problemSchema = namedObject("Problem", "Problem details (RFC 9457): the body of every error response.", problem, {
	optional: ["errors"],
	examples: [
		{
			type: "urn:sallyport:problem:bad-request",
			title: "Invalid request",
			status: 400,
			detail: "limit must be at least 1.",
			errors: [{ parameter: "limit", detail: "must be at least 1" }],
		},
	],
});

export const policyProblemSchema = namedObject(
	"PolicyProblem",
	"An error in a policy, or a warning about it, with its position.",
	{
		file: { ...string, description: "The policy file or list file; `(api)` for the request body." },
		line: { ...integer, description: "From 1." },
		column: { ...integer, description: "From 1." },
		path: { ...string, description: "For example `groups[0].rules[2].to.cidr[1]`; empty for the whole file." },
		message: string,
		expected: { ...string, description: "The values that would be valid." },
		suggestion: { ...string, description: "The value that was probably meant." },
	},
	{ optional: ["suggestion"] },
);

const invalidPolicySchema = namedObject(
	"InvalidPolicy",
	"Problem details (RFC 9457) that list every error in the policy.",
	{ ...problem, problems: list(ref(policyProblemSchema)) },
	{ optional: ["errors"] },
);

export const PROBLEM_SCHEMAS = [fieldErrorSchema, problemSchema, invalidPolicySchema];

const asProblem = (schema: Parameters<typeof ref>[0]) => ({ "application/problem+json": { schema: ref(schema) } });

/** The error responses of every operation. */
export const problemResponses = {
	default: { description: "Problem details (RFC 9457).", content: asProblem(problemSchema) },
};

export const invalidOverlayResponse = {
	description: "The overlay is invalid, or does not fit. Nothing changes.",
	content: asProblem(problemSchema),
};

export const invalidPolicyResponse = {
	description: "The policy is invalid. The policy in force does not change.",
	content: asProblem(invalidPolicySchema),
};
