import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { LIMITS } from "../base/config.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import { matchesTag, replaceable } from "./etags.ts";
import { PolicyBodies } from "./policy-body.ts";
import type { ExplainRequest } from "./policy-types.ts";
import { Refusal } from "./problem-details.ts";
import { headers, ref, response, string } from "./schemas/base.ts";
import {
	explainRequestSchema,
	explanationSchema,
	policyBody,
	policyCheckSchema,
	policyDocumentSchema,
} from "./schemas/policy.ts";
import { invalidPolicyResponse } from "./schemas/problem.ts";
import type { PolicyDocument, PolicyPort } from "./services.ts";

export async function policyRoutes(app: FastifyInstance, policy: PolicyPort): Promise<void> {
	app.post<{ Body: ExplainRequest }>(
		"/v1/policy/explain",
		{
			config: { rateLimit: { max: LIMITS.dearRequests } },
			schema: {
				operationId: "explainPolicy",
				tags: ["policy"],
				summary: "Explain how the policy in force decides about a connection, rule by rule.",
				body: ref(explainRequestSchema),
				response: { 200: response(explanationSchema) },
			},
		},
		(request) => {
			const explanation = policy.explain(request.body);
			if (explanation === null) throw unknownPolicy();
			return explanation;
		},
	);
	app.post(
		"/v1/policy/reload",
		{
			config: { writes: true, rateLimit: { max: LIMITS.dearRequests } },
			schema: {
				operationId: "reloadPolicy",
				tags: ["policy"],
				summary: "Reload the policy file.",
				description:
					"The list of the host's resolvers and the secrets of the metrics are read again too. The response is 409 if the daemon " +
					"has no policy file.",
				response: { 200: response(policyDocumentSchema, [], ETAG), 422: invalidPolicyResponse },
			},
		},
		async (_request, reply) => {
			const result = await policy.reload();
			if (result === null) throw new Refusal(409, "no-policy-file", "This daemon has no policy file.");
			if (!result.ok) throw invalid(result.problems);
			return reply.header("etag", result.policy.etag).send(document(result.policy));
		},
	);
	await app.register(async (texts) => {
		/* The body is taken as text, so that the policy parser can report positions. */
		texts.removeAllContentTypeParsers();
		const bodies = new PolicyBodies();
		texts.addContentTypeParser(YAML_TYPES, (request: FastifyRequest, payload: IncomingMessage) =>
			bodies.read(request, payload),
		);
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
				summary: "Get the policy in force.",
				description: "With `Accept: application/yaml` the response is only the text of the policy.",
				headers: headers({ "if-none-match": "The response is 304 if this is the ETag of the policy in force." }),
				response: {
					200: response(policyDocumentSchema, ["application/yaml"], ETAG),
					304: { description: "`If-None-Match` names the policy in force.", type: "null" },
				},
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
				summary: "Replace the policy in force.",
				description:
					"The kernel decides by the new policy once the response is sent. The policy is not written to disk: the next reload " +
					"of the file or start of the daemon replaces it.",
				consumes: ["application/yaml"],
				headers: headers({
					"if-match": "The ETag of the policy to replace; the response is 412 if another one is in force.",
				}),
				body: policyBody,
				response: { 200: response(policyDocumentSchema, [], ETAG), 422: invalidPolicyResponse },
			},
			/* Checked before the body is read, which may be large. */
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
				summary: "Check a policy and list every error and warning, with line and column.",
				description: "The policy in force does not change.",
				consumes: ["application/yaml"],
				body: policyBody,
				response: { 200: response(policyCheckSchema) },
			},
		},
		(request) => policy.check(textOf(request.body)),
	);
}

const ETAG = { etag: { ...string, description: "The ETag of the policy." } };

/* JSON is YAML (YAML 1.2, 1.3); curl --data-binary sends the last type. */
const YAML_TYPES = [
	"application/yaml",
	"application/x-yaml",
	"text/yaml",
	"text/plain",
	"application/json",
	"application/x-www-form-urlencoded",
];

/** 412: `If-Match` does not name the policy in force, whose ETag is `etag`. */
export function otherPolicy(etag: string | null): Refusal {
	return new Refusal(412, "other-policy", "If-Match does not name the policy in force.", { etag });
}

function textOf(body: unknown): string {
	if (typeof body === "string") return body;
	throw new Refusal(400, "bad-request", "The body must be a policy in YAML or JSON.");
}

function document(policy: PolicyDocument) {
	const { text, generation, etag, mode, source, origin, loadedAt, warnings } = policy;
	return { text, generation, etag, mode, source, origin, loadedAt: loadedAt.toISOString(), warnings };
}

function unknownPolicy(): Refusal {
	const detail = "The policy in force was loaded by an earlier daemon, and its text is unknown.";
	return new Refusal(404, "not-found", detail);
}

function invalid(problems: readonly PolicyProblem[]): Refusal {
	const count = problems.length;
	return new Refusal(
		422,
		"invalid-policy",
		`The policy has ${count} ${count === 1 ? "error" : "errors"}; the policy in force does not change.`,
		{ problems, errors: problems.map(({ message, file, line, column }) => ({ detail: message, file, line, column })) },
	);
}
