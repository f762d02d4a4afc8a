import type { Command } from "commander";
import { EXIT } from "../errors.ts";
import { printable } from "../text.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath } from "./options.ts";

export function addPolicyCommand(program: Command, deps: CliDeps, finish: (code: number) => void): void {
	const policy = program.command("policy").description("work on policy files");
	policy
		.command("check")
		.description("say everything that is wrong with a policy file; exit code 3 if something is")
		.argument("<file>", "policy file", absolutePath)
		.option("--json", "the problems as one JSON document")
		.addHelpText(
			"after",
			`
Examples:
  sallyport policy check /etc/sallyport/policy.yaml
  sallyport policy check policy.yaml --json | jq '.problems[].line'

Users and programs that rules name are looked up on this host.`,
		)
		.action((file: string, options: { readonly json?: boolean }) => {
			const report = deps.checkPolicy(file);
			if (!report.ok) finish(EXIT.POLICY_INVALID);
			if (options.json === true) {
				const { ok, problems, facts } = report;
				deps.out.write(`${JSON.stringify({ file, ok, problems, ...facts })}\n`);
				return;
			}
			for (const line of report.lines) deps.err.write(`${printable(line)}\n`);
			const { facts } = report;
			if (facts !== null) {
				const parts = [
					`mode ${facts.mode}`,
					count(facts.rules, "rule"),
					count(facts.prefixes, "prefix", "prefixes"),
					count(facts.names, "name"),
					`${facts.bytes} bytes in the kernel`,
				];
				deps.out.write(`${printable(file)}: ok (${parts.join(", ")})\n`);
			}
		});
}

function count(number: number, one: string, many = `${one}s`): string {
	return `${number} ${number === 1 ? one : many}`;
}
