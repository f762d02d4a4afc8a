import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { policyInForce } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { harmlessJson } from "./text.ts";

export function addPolicyShow(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("show")
		.description("print the policy in force, as it was written")
		.queriesDaemon("the policy with its generation, ETag, mode and origin, as one JSON document")
		.examples(["sallyport policy show > policy.yaml", "sallyport policy show --json | jq -r .etag"])
		.action(async ({ socket, json }: DaemonOptions) => {
			const { out, err } = deps;
			const current = await policyInForce(socket);
			if (json === true) {
				out.write(`${harmlessJson(JSON.stringify(current))}\n`);
				return;
			}
			/* A file gets the text byte for byte, a terminal nothing that moves its cursor. */
			const text = current.text.endsWith("\n") ? current.text : `${current.text}\n`;
			out.write(out.terminal ? harmlessYaml(text) : text);
			if (out.terminal)
				err.write(`sallyport: generation ${current.generation}, mode ${current.mode}, from ${current.source}\n`);
		});
}

/* Tabs may stand in YAML comments. */
function harmlessYaml(text: string): string {
	return text.replace(/[^\n]+/g, (line) => harmlessJson(line));
}
