import { boolean, integer, list, namedObject, nullable, orNull, ref, string, time } from "./base.ts";
import { phaseSchema, remedySchema, verdictSchema } from "./connection.ts";
import { policyProblemSchema } from "./problem.ts";

const warnings = {
	...list(ref(policyProblemSchema)),
	description: "What a valid policy allows, or does not do, and its author may not expect.",
};

export const policyDocumentSchema = namedObject("PolicyDocument", "The policy in force.", {
	text: { ...string, description: "The policy as it was loaded, in YAML or JSON." },
	generation: integer,
	etag: { ...string, description: "For `If-Match` and `If-None-Match`." },
	mode: string,
	source: { ...string, description: "The policy file; `(api)` for a policy loaded by PUT." },
	origin: { type: "string", enum: ["file", "api", "built-in"] },
	loadedAt: time,
	warnings,
});

/** The request body of the routes that take a policy. */
export const policyBody = {
	type: "string",
	description: "The policy in YAML or JSON, at most 4 MiB.",
	examples: ["version: 1\nmode: observe\n"],
} as const;

export const policyFactsSchema = namedObject("PolicyFacts", "The contents of a valid policy.", {
	mode: string,
	rules: integer,
	prefixes: integer,
	names: integer,
	bytes: { ...integer, description: "Memory of the compiled policy in the kernel." },
});

export const policyCheckSchema = namedObject("PolicyCheck", "The result of a check.", {
	ok: boolean,
	problems: list(ref(policyProblemSchema)),
	warnings,
	facts: { ...orNull(policyFactsSchema), description: "Null if the policy is invalid." },
});

/** A request: unknown members are errors. */
export const explainRequestSchema = {
	$id: "ExplainRequest",
	description: "A connection or an HTTP request that need not exist. At least `name` or `to.address` is required.",
	type: "object",
	additionalProperties: false,
	properties: {
		who: {
			type: "object",
			additionalProperties: false,
			description: "The client. An omitted member is unknown and matches no condition.",
			properties: {
				exe: { type: "string", minLength: 1, maxLength: 4_096, description: "The path of the executable." },
				user: { type: "string", minLength: 1, maxLength: 256, description: "A user name of this host, or a uid." },
				unit: { type: "string", minLength: 1, maxLength: 256, description: "The systemd unit." },
				container: { type: "string", minLength: 1, maxLength: 256, description: "The container id or name." },
				cgroup: {
					type: "string",
					maxLength: 4_096,
					description: "The path below the watched cgroup, instead of `unit` and `container`.",
				},
			},
		},
		to: {
			type: "object",
			additionalProperties: false,
			description: "The destination.",
			properties: {
				address: {
					type: "string",
					minLength: 1,
					maxLength: 64,
					description: "Default: an address that DNS gave for `name`.",
				},
				port: {
					type: "integer",
					minimum: 0,
					maximum: 65_535,
					description: "Default: 443; 80 if `request` is given.",
				},
				protocol: {
					type: "string",
					minLength: 1,
					maxLength: 16,
					default: "tcp",
					description: "`tcp`, `udp`, `icmp`, `icmp6` or a number.",
				},
			},
		},
		name: {
			type: "string",
			minLength: 1,
			maxLength: 512,
			description: "The name in the DNS query, the ClientHello and the HTTP request.",
		},
		request: {
			type: "object",
			additionalProperties: false,
			description: "A cleartext HTTP request: phase `http` is evaluated instead of `tls`.",
			properties: {
				method: { type: "string", minLength: 1, maxLength: 64, default: "GET" },
				path: { type: "string", minLength: 1, maxLength: 8_192, default: "/", description: "With the query." },
				status: {
					type: "integer",
					minimum: 100,
					maximum: 999,
					description: "The status code of the response, if known.",
				},
			},
		},
		phases: {
			type: "array",
			items: ref(phaseSchema),
			minItems: 1,
			maxItems: 4,
			description: "Default: the phases that apply.",
		},
		assumeLearned: {
			type: "boolean",
			default: true,
			description: "Assume that DNS gave the address for the name. False: use the kernel's current state.",
		},
	},
	examples: [
		{
			who: { unit: "agent.service", exe: "/usr/bin/curl", user: "root" },
			to: { address: "192.0.2.1", port: 443 },
			name: "api.example.com",
		},
	],
} as const;

export const conditionSchema = namedObject("ExplainedCondition", "A condition of a rule.", {
	condition: string,
	holds: boolean,
	why: string,
});

export const explainedRuleSchema = namedObject("ExplainedRule", "A rule that was evaluated.", {
	group: string,
	rule: string,
	overlay: { ...nullable("string"), description: "The overlay that has the rule. Null: the policy." },
	action: { type: "string", enum: ["allow", "deny", "alert"] },
	outcome: { type: "string", enum: ["decides", "alerts", "no_match", "other_phase"] },
	why: string,
	conditions: list(ref(conditionSchema)),
});

export const lookSchema = namedObject(
	"ExplainedLook",
	"One pass over the rules. Phase `connect` makes one for each name of the address.",
	{
		name: nullable("string"),
		as: { type: "string", enum: ["asked", "hello"] },
		decisive: { ...boolean, description: "This pass decides the phase." },
		rules: list(ref(explainedRuleSchema)),
		notReached: { ...integer, description: "The number of rules after the deciding one." },
	},
);

export const explainedPhaseSchema = namedObject("ExplainedPhase", "The decision of one phase.", {
	phase: ref(phaseSchema),
	verdict: ref(verdictSchema),
	reason: string,
	group: nullable("string"),
	rule: nullable("string"),
	overlay: { ...nullable("string"), description: "The overlay that has the rule. Null: the policy, or no rule." },
	alert: { ...nullable("string"), description: "The alert rule that matched, as `group/rule`." },
	default: { type: "string", enum: ["allow", "deny"] },
	helloRequired: { ...boolean, description: "Allowed only if phase `tls` allows a ClientHello." },
	summary: string,
	looks: list(ref(lookSchema)),
});

export const explainedHttpSchema = namedObject("ExplainedHttpRequest", "The HTTP request that was evaluated.", {
	method: string,
	path: string,
	status: nullable("integer"),
});

export const subjectSchema = namedObject("ExplainedSubject", "The request, with the values that were filled in.", {
	address: nullable("string"),
	port: integer,
	protocol: string,
	name: nullable("string"),
	learned: { ...list(string), description: "The names of the address." },
	trustedResolver: boolean,
	exe: nullable("string"),
	uid: nullable("integer"),
	cgroup: nullable("string"),
	request: orNull(explainedHttpSchema),
});

export const explanationSchema = namedObject("Explanation", "The decision of the policy in force.", {
	verdict: ref(verdictSchema),
	summary: { ...string, description: "The decision as a sentence." },
	generation: integer,
	mode: string,
	subject: ref(subjectSchema),
	phases: list(ref(explainedPhaseSchema)),
	remedy: { ...orNull(remedySchema), description: "Of the first phase that denies; null if every phase allows." },
});
