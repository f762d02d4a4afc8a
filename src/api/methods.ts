import type { FastifyInstance, HTTPMethods } from "fastify";
import { Refusal } from "./problem-details.ts";

/**
 * Collects the paths of the routes that are registered from now on. The function that it returns then answers every other method
 * on these paths: OPTIONS with 204, the rest with 405, both with `Allow` (RFC 9110, 9.3.7 and 15.5.6).
 */
export function collectPaths(app: FastifyInstance): () => void {
	const paths = new Set<string>();
	app.addHook("onRoute", ({ url }) => {
		paths.add(url);
	});
	return () => {
		for (const url of [...paths]) answerOtherMethods(app, url);
	};
}

function answerOtherMethods(app: FastifyInstance, url: string): void {
	const methods = app.supportedMethods as HTTPMethods[];
	const allowed = methods.filter((method) => method === "OPTIONS" || app.hasRoute({ method, url })).sort();
	const allow = allowed.join(", ");
	const schema = { hide: true };
	app.options(url, { schema }, (_request, reply) => reply.code(204).header("allow", allow).send());
	app.route({
		method: methods.filter((method) => !allowed.includes(method)),
		url,
		schema,
		/* The method is checked before the body is read, so its size and type do not matter. */
		preParsing: ({ method }, _reply, _payload, done) => {
			done(
				new Refusal(
					405,
					"method-not-allowed",
					`${method} is not allowed; the allowed methods are ${allow}.`,
					{},
					{ allow },
				),
			);
		},
		/* Never reached. */
		handler: (_request, reply) => reply.send(),
	});
}
