import { SallyportError } from "../base/errors.ts";
import { type PolicyProblem, renderProblem } from "../policy/read/problem.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { ask, refused, text } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { absolutePath } from "./options.ts";
import { type PolicyInForce, policyInForce } from "./policy-in-force.ts";

type Options = Asking & { readonly ifMatch?: string };

export function addPolicyApply(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("apply")
		.description("put a policy file in force, at once and whole; a bad one changes nothing (exit code 3)")
		.argument("<file>", "policy file", absolutePath)
		.option("--if-match <etag>", "only if this one is in force (default: the one that is now)")
		.asks("the answer as one JSON document")
		.examples(
			[
				"sallyport policy diff policy.yaml && sallyport policy apply policy.yaml",
				`sallyport policy apply policy.yaml --if-match "$(sallyport policy show --json | jq -r .etag)"`,
			],
			[
				"It lasts until the daemon's policy file changes, or SIGHUP, or the daemon's next start: write it there too. Lists",
				"that it names are read by the daemon, from the folder of its own policy file.",
			].join("\n"),
		)
		.action((file: string, options: Options) => apply(file, options, deps));
}

async function apply(file: string, { socket, json, ifMatch }: Options, { readFile, out }: CliDeps): Promise<void> {
	const body = readFile(file);
	const tag = ifMatch ?? (await current(socket));
	const reply = await ask({
		socket,
		path: "/v1/policy",
		method: "PUT",
		type: "application/yaml",
		body,
		headers: tag === null ? {} : { "if-match": tag },
	});
	const answer = await text(reply);
	if (reply.status === 412)
		throw new SallyportError(
			"DAEMON_REFUSED",
			"Another policy is in force by now.",
			"Look at it with `sallyport policy diff`, then apply again.",
		);
	if (reply.status === 422) throw new SallyportError("POLICY_INVALID", problemsText(file, answer));
	if (reply.status >= 300) throw refused(answer, reply.status);
	if (json === true) {
		out.write(`${harmlessJson(answer)}\n`);
		return;
	}
	const { generation, mode } = JSON.parse(answer) as PolicyInForce;
	out.write(`${harmless(file)}: in force, generation ${generation}, mode ${mode}\n`);
}

/* None is known if an earlier daemon loaded it. */
async function current(socket: string): Promise<string | null> {
	try {
		return (await policyInForce(socket)).etag;
	} catch (error) {
		if (error instanceof SallyportError && error.code === "DAEMON_REFUSED") return null;
		throw error;
	}
}

function problemsText(file: string, answer: string): string {
	const { problems = [] } = JSON.parse(answer) as { problems?: readonly PolicyProblem[] };
	const lines = problems.map((problem) => {
		const place = problem.file === "(api)" ? file : problem.file;
		return `  ${harmless(renderProblem({ ...problem, file: place }))}`;
	});
	return `The policy is not valid; the one in force stays:\n${lines.join("\n")}`;
}
