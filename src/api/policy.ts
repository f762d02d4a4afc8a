import type { FastifyInstance, FastifyRequest } from "fastify";
import { LIMITS } from "../base/config.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import type { ExplainRequest } from "./policy-types.ts";
import { Refusal } from "./problem-details.ts";
import {
	explainRequestSchema,
	explanationSchema,
	invalidPolicyResponse,
	policyCheckSchema,
	policyDocumentSchema,
} from "./schemas/policy.ts";
import { problemResponses } from "./schemas/problem.ts";
import type { PolicyDocument, PolicyPort } from "./services.ts";

export async function policyRoutes(app: FastifyInstance, policy: PolicyPort): Promise<void> {
	app.post<{ Body: ExplainRequest }>(
		"/v1/policy/explain",
		{
			config: { rateLimit: { max: LIMITS.dearRequests } },
			schema: {
				operationId: "explainPolicy",
				tags: ["policy"],
				summary: "What the policy in force decides, phase by phase, and each rule that was looked at.",
				body: explainRequestSchema,
				response: { 200: explanationSchema, ...problemResponses },
			},
		},
		(request) => {
			const explanation = policy.explain(request.body);
			if (explanation === null) throw unknownPolicy();
			return explanation;
		},
	);
	await app.register(async (texts) => {
		/* A policy is text to us: its own parser says where it is wrong. */
		texts.removeAllContentTypeParsers();
		texts.addContentTypeParser(YAML_TYPES, { parseAs: "string" }, (_request, body, done) => done(null, body));
		textRoutes(texts, policy);
	});
}

function textRoutes(app: FastifyInstance, policy: PolicyPort): void {
	app.get(
		"/v1/policy",
		{
			schema: {
				operationId: "getPolicy",
				tags: ["policy"],
				summary: "The policy in force. Accept: application/yaml gives its text alone.",
				produces: ["application/json", "application/yaml"],
				response: { 200: policyDocumentSchema, ...problemResponses },
			},
		},
		(request, reply) => {
			const current = policy.current();
			if (current === null) throw unknownPolicy();
			reply.header("etag", current.etag).header("vary", "accept");
			const known = request.headers["if-none-match"];
			if (known !== undefined && matchesTag(known, current.etag)) return reply.code(304).send();
			if (/\b(application|text)\/(x-)?yaml\b/.test(request.headers.accept ?? ""))
				return reply.type("application/yaml; charset=utf-8").send(current.text);
			return reply.send(document(current));
		},
	);

	app.put(
		"/v1/policy",
		{
			bodyLimit: LIMITS.policyBytes,
			config: { writes: true, rateLimit: { max: LIMITS.dearRequests } },
			schema: {
				operationId: "putPolicy",
				tags: ["policy"],
				security: [{ token: [] }, {}],
				summary:
					"Put a policy in force. It is not written to disk: the next reload of the file, or start of the daemon, replaces it.",
				consumes: YAML_TYPES,
				body: { type: "string", description: "The policy, in YAML or JSON, up to 16 MiB." },
				response: { 200: policyDocumentSchema, ...problemResponses, 422: invalidPolicyResponse },
			},
			/* Before the body is read. */
			preParsing: (request, _reply, payload, done) => {
				const etag = policy.current()?.etag ?? null;
				if (replaceable(request)(etag)) done(null, payload);
				else done(otherPolicy(etag));
			},
		},
		async (request, reply) => {
			const result = await policy.load(textOf(request.body), replaceable(request));
			if (!result.ok) throw invalid(result.problems);
			return reply.header("etag", result.policy.etag).send(document(result.policy));
		},
	);

	app.post(
		"/v1/policy/check",
		{
			bodyLimit: LIMITS.policyBytes,
			config: { rateLimit: { max: LIMITS.dearRequests } },
			schema: {
				operationId: "checkPolicy",
				tags: ["policy"],
				summary: "Everything that is wrong with a policy, with line and column. Nothing is put in force.",
				consumes: YAML_TYPES,
				body: { type: "string", description: "The policy, in YAML or JSON, up to 16 MiB." },
				response: { 200: policyCheckSchema, ...problemResponses },
			},
		},
		(request) => policy.check(textOf(request.body)),
	);
}

/* JSON is YAML, and the last one is what curl --data-binary says of anything. */
const YAML_TYPES = [
	"application/yaml",
	"application/x-yaml",
	"text/yaml",
	"text/plain",
	"application/json",
	"application/x-www-form-urlencoded",
];

/** Which policy may be replaced, by its etag. */
function replaceable({ headers }: FastifyRequest): (etag: string | null) => boolean {
	const wanted = headers["if-match"];
	return (etag) => wanted === undefined || (etag !== null && matchesTag(wanted, etag));
}

export function otherPolicy(etag: string | null): Refusal {
	return new Refusal(412, "other-policy", "Another policy is in force than If-Match says.", { etag });
}

function textOf(body: unknown): string {
	if (typeof body === "string") return body;
	throw new Refusal(400, "bad-request", "The body is the policy, in YAML.");
}

function document(policy: PolicyDocument) {
	const { text, generation, etag, mode, source, origin, loadedAt } = policy;
	return { text, generation, etag, mode, source, origin, loadedAt: loadedAt.toISOString() };
}

function unknownPolicy(): Refusal {
	const detail = "The policy in force was loaded by an earlier daemon; its text is not known to this one.";
	return new Refusal(404, "not-found", detail);
}

function invalid(problems: readonly PolicyProblem[]): Refusal {
	const count = problems.length;
	return new Refusal(
		422,
		"invalid-policy",
		`${count} ${count === 1 ? "problem" : "problems"}; the policy in force stays.`,
		{ problems, errors: problems.map(({ message, file, line, column }) => ({ detail: message, file, line, column })) },
	);
}

/* RFC 9110 13.1.1: a list, or "*"; weak tags never match. */
function matchesTag(header: string, etag: string): boolean {
	return header.trim() === "*" || header.split(",").some((tag) => tag.trim() === etag);
}
