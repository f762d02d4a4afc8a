import { integer, list, nullable, object, string, time } from "./base.ts";
import { policyProblemSchema, problemDetailsSchema } from "./problem.ts";

export const policyDocumentSchema = object({
	text: string,
	generation: integer,
	etag: string,
	mode: string,
	source: string,
	origin: { type: "string", enum: ["file", "api", "built-in"] },
	loadedAt: time,
});

export const invalidPolicyResponse = {
	description: "What is wrong with the policy, each with its place. The one before stays in force, whole.",
	content: {
		"application/problem+json": {
			schema: {
				...problemDetailsSchema,
				properties: { ...problemDetailsSchema.properties, problems: list(policyProblemSchema) },
			},
		},
	},
} as const;

export const policyCheckSchema = object({
	ok: { type: "boolean" },
	problems: list(policyProblemSchema),
	facts: {
		...object({ mode: string, rules: integer, prefixes: integer, names: integer, bytes: integer }),
		type: ["object", "null"],
	},
});

const phase = { type: "string", enum: ["dns", "connect", "tls", "http"] } as const;

export const explainRequestSchema = {
	type: "object",
	additionalProperties: false,
	properties: {
		who: {
			type: "object",
			additionalProperties: false,
			description: "What is left out is not known, and matches no condition.",
			properties: {
				exe: { type: "string", minLength: 1, maxLength: 4_096 },
				user: { type: "string", minLength: 1, maxLength: 256, description: "A name or a uid." },
				unit: { type: "string", minLength: 1, maxLength: 256 },
				container: { type: "string", minLength: 1, maxLength: 256 },
				cgroup: {
					type: "string",
					maxLength: 4_096,
					description: "Instead of unit and container: below the watched cgroup.",
				},
			},
		},
		to: {
			type: "object",
			additionalProperties: false,
			properties: {
				address: {
					type: "string",
					minLength: 1,
					maxLength: 64,
					description: "Left out: one that the name is known for.",
				},
				port: { type: "integer", minimum: 0, maximum: 65_535, default: 443 },
				protocol: { type: "string", minLength: 1, maxLength: 16, default: "tcp" },
			},
		},
		name: { type: "string", minLength: 1, maxLength: 512 },
		request: {
			type: "object",
			additionalProperties: false,
			description: "An HTTP request in cleartext: phase http is asked, and not tls.",
			properties: {
				method: { type: "string", minLength: 1, maxLength: 64, default: "GET" },
				path: { type: "string", minLength: 1, maxLength: 8_192, default: "/", description: "With the query." },
				status: { type: "integer", minimum: 100, maximum: 999, description: "Of the answer, if it has come." },
			},
		},
		phases: { type: "array", items: phase, minItems: 1, maxItems: 4, description: "Left out: those that take part." },
		assumeLearned: {
			type: "boolean",
			default: true,
			description: "Take it that DNS gave the address for the name. False: as the kernel has it now.",
		},
	},
} as const;

const rule = object({
	group: string,
	rule: string,
	action: { type: "string", enum: ["allow", "deny", "alert"] },
	outcome: { type: "string", enum: ["decides", "alerts", "no_match", "other_phase"] },
	why: string,
	conditions: list(object({ condition: string, holds: { type: "boolean" }, why: string })),
});

export const explanationSchema = object({
	verdict: { type: "string", enum: ["allow", "deny", "would_deny"] },
	summary: string,
	generation: integer,
	mode: string,
	subject: object({
		address: nullable("string"),
		port: integer,
		protocol: string,
		name: nullable("string"),
		learned: list(string),
		trustedResolver: { type: "boolean" },
		exe: nullable("string"),
		uid: nullable("integer"),
		cgroup: nullable("string"),
		request: {
			...object({ method: string, path: string, status: nullable("integer") }),
			type: ["object", "null"],
		} as const,
	}),
	phases: list(
		object({
			phase,
			verdict: { type: "string", enum: ["allow", "deny", "would_deny"] },
			reason: string,
			group: nullable("string"),
			rule: nullable("string"),
			alert: nullable("string"),
			default: { type: "string", enum: ["allow", "deny"] },
			helloRequired: { type: "boolean" },
			summary: string,
			looks: list(
				object({
					name: nullable("string"),
					as: { type: "string", enum: ["asked", "hello"] },
					decisive: { type: "boolean" },
					rules: list(rule),
					notReached: integer,
				}),
			),
		}),
	),
});
