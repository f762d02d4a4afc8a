import { SallyportError } from "../base/errors.ts";
import { type PolicyProblem, renderProblem } from "../policy/read/problem.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { ask, refused, text } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import type { PolicyInForce } from "./policy-in-force.ts";

export function addPolicyReload(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("reload")
		.description("make the daemon read its policy file again; a file with problems changes nothing (exit code 3)")
		.asks("the answer as one JSON document")
		.examples(
			["sudo sallyport policy reload", "sudo systemctl reload sallyport      does the same"],
			"It also reads again which resolvers the host uses, and the secrets of the metrics listener.",
		)
		.action((options: Asking) => reload(options, deps));
}

async function reload({ socket, json }: Asking, { out }: CliDeps): Promise<void> {
	const reply = await ask({ socket, path: "/v1/policy/reload", method: "POST" });
	const answer = await text(reply);
	if (reply.status === 422) {
		const { problems = [] } = JSON.parse(answer) as { problems?: readonly PolicyProblem[] };
		const lines = problems.map((problem) => `  ${harmless(renderProblem(problem))}`);
		throw new SallyportError("POLICY_INVALID", `The policy is invalid; the one in force stays:\n${lines.join("\n")}`);
	}
	if (reply.status >= 300) throw refused(answer, reply.status);
	if (json === true) {
		out.write(`${harmlessJson(answer)}\n`);
		return;
	}
	const { generation, mode, source } = JSON.parse(answer) as PolicyInForce;
	out.write(`${harmless(source)}: in force, generation ${generation}, mode ${mode}\n`);
}
