import type { FastifyInstance } from "fastify";
import { errorSchema, policyDocumentSchema, problemSchema } from "./schemas.ts";
import type { PolicyDocument, PolicyPort } from "./services.ts";

export function policyRoutes(app: FastifyInstance, policy: PolicyPort, mayChange: boolean): void {
	/* A policy is text to us: its own parser says where it is wrong. */
	app.removeAllContentTypeParsers();
	app.addContentTypeParser(YAML_TYPES, { parseAs: "string" }, (_request, body, done) => done(null, body));

	app.get(
		"/v1/policy",
		{
			schema: {
				summary: "The policy in force. Accept: application/yaml gives its text alone.",
				response: { 200: policyDocumentSchema, "4xx": errorSchema },
			},
		},
		(request, reply) => {
			const current = policy.current();
			if (current === null) {
				return reply.code(404).send({
					error: "not_found",
					message: "The policy in force was loaded by an earlier daemon; its text is not known to this one.",
				});
			}
			reply.header("etag", current.etag);
			if (/\b(application|text)\/(x-)?yaml\b/.test(request.headers.accept ?? ""))
				return reply.type("application/yaml").send(current.text);
			return reply.send(document(current));
		},
	);

	app.put(
		"/v1/policy",
		{
			schema: {
				summary:
					"Put a policy in force. It is not written to disk: the next reload of the file, or start of the daemon, replaces it.",
				consumes: YAML_TYPES,
				response: {
					200: policyDocumentSchema,
					"4xx": errorSchema,
					422: {
						type: "object",
						properties: {
							error: { type: "string" },
							message: { type: "string" },
							problems: { type: "array", items: problemSchema },
						},
					},
				},
			},
			/* Before the body is read. */
			onRequest: (request, reply, done) => {
				if (!mayChange) {
					reply.code(403).send({
						error: "forbidden",
						message: "The policy can be changed over the unix socket only: whoever is on the host can reach this port.",
					});
					return;
				}
				const wanted = request.headers["if-match"];
				const current = policy.current();
				if (wanted !== undefined && (current === null || !matchesTag(wanted, current.etag))) {
					reply.code(412).send({
						error: "precondition_failed",
						message: "Another policy is in force than If-Match says.",
						etag: current?.etag ?? null,
					});
					return;
				}
				done();
			},
		},
		(request, reply) => {
			if (typeof request.body !== "string")
				return reply.code(400).send({ error: "bad_request", message: "The body is the policy, in YAML." });
			const result = policy.load(request.body);
			if (result.ok) return reply.header("etag", result.policy.etag).send(document(result.policy));
			const count = result.problems.length;
			return reply.code(422).send({
				error: "invalid_policy",
				message: `${count} ${count === 1 ? "problem" : "problems"}; the policy in force stays.`,
				problems: result.problems,
			});
		},
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

function document(policy: PolicyDocument) {
	const { text, generation, etag, mode, source, origin, loadedAt } = policy;
	return { text, generation, etag, mode, source, origin, loadedAt: loadedAt.toISOString() };
}

/* RFC 9110 13.1.1: a list, or "*"; weak tags never match. */
function matchesTag(header: string, etag: string): boolean {
	return header.trim() === "*" || header.split(",").some((tag) => tag.trim() === etag);
}
