import type { Asking, CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";
import { harmlessJson } from "./harmless.ts";
import { policyInForce } from "./policy-in-force.ts";

export function addPolicyShow(policy: CliCommand, { out, err }: CliDeps): void {
	policy
		.subcommand("show")
		.description("the policy in force, as it was written")
		.asks("with generation, etag, mode and origin, as one JSON document")
		.examples(["sallyport policy show > policy.yaml", "sallyport policy show --json | jq -r .etag"])
		.action(async ({ socket, json }: Asking) => {
			const current = await policyInForce(socket);
			if (json === true) {
				out.write(`${harmlessJson(JSON.stringify(current))}\n`);
				return;
			}
			/* Into a file byte for byte; a terminal gets nothing that moves its cursor. */
			const text = current.text.endsWith("\n") ? current.text : `${current.text}\n`;
			out.write(out.terminal ? harmlessYaml(text) : text);
			if (out.terminal)
				err.write(`sallyport: generation ${current.generation}, mode ${current.mode}, from ${current.source}\n`);
		});
}

/* Tabs are no YAML indentation, but may stand in comments. */
function harmlessYaml(text: string): string {
	return text.replace(/[^\n]+/g, (line) => harmlessJson(line));
}
