import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, type PolicyInForce, refusal, send } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { invalidPolicy, writeWarnings } from "./policy-apply.ts";
import { harmless, harmlessJson } from "./text.ts";

export function addPolicyReload(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("reload")
		.description("make the daemon read its policy file again; an invalid file changes nothing (exit code 3)")
		.queriesDaemon("the answer as one JSON document")
		.examples(
			["sudo sallyport policy reload", "sudo systemctl reload sallyport      does the same"],
			"It also reads again which resolvers the host uses, and the secrets of the metrics listener.",
		)
		.action((options: DaemonOptions) => reload(options, deps));
}

async function reload({ socket, json }: DaemonOptions, deps: CliDeps): Promise<void> {
	const { out } = deps;
	const reply = await send({ socket, path: "/v1/policy/reload", method: "POST" });
	const answer = await bodyText(reply);
	if (reply.status === 422) throw invalidPolicy(answer, null);
	if (reply.status >= 300) throw refusal(answer, reply.status);
	if (json === true) {
		out.write(`${harmlessJson(answer)}\n`);
		return;
	}
	const { generation, mode, source, warnings = [] } = JSON.parse(answer) as PolicyInForce;
	writeWarnings(warnings, deps);
	out.write(`${harmless(source)}: in force, generation ${generation}, mode ${mode}\n`);
}
