import { EXIT } from "../base/errors.ts";
import { countText } from "../base/text.ts";
import { renderProblem, renderWarning } from "../policy/read/problem.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";
import { givenPath } from "./options.ts";
import { addPolicyApply } from "./policy-apply.ts";
import { addPolicyDiff } from "./policy-diff.ts";
import { addPolicyExplain } from "./policy-explain.ts";
import { addPolicyReload } from "./policy-reload.ts";
import { addPolicyShow } from "./policy-show.ts";
import { harmless } from "./text.ts";

export function addPolicyCommand(program: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	const policy = program
		.subcommand("policy")
		.description("check, explain, show, apply and compare policies")
		.examples([
			"sallyport policy check policy.yaml",
			"sallyport policy diff policy.yaml && sallyport policy apply policy.yaml",
			"sallyport policy explain --exe /usr/bin/curl --to 192.0.2.1:443/tcp --name example.com",
		]);
	addPolicyCheck(policy, deps, finish);
	addPolicyExplain(policy, deps);
	addPolicyShow(policy, deps);
	addPolicyApply(policy, deps);
	addPolicyReload(policy, deps);
	addPolicyDiff(policy, deps, finish);
}

function addPolicyCheck(policy: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	policy
		.subcommand("check")
		.description("list every error and warning in a policy file (exit code 3 if there are errors)")
		.argument("<file>", "policy file", givenPath)
		.option("--strict", "count warnings as errors")
		.option("--json", "the errors and warnings as one JSON document")
		.examples(
			[
				"sallyport policy check /etc/sallyport/policy.yaml",
				"sallyport policy check policy.yaml --json | jq '.problems[].line'",
			],
			"Users and programs named in rules are looked up on this host. No daemon is needed.",
		)
		.action((file: string, options: { readonly json?: boolean; readonly strict?: boolean }) => {
			const { problems, warnings, facts, ...report } = deps.checkPolicy(file);
			const ok = report.ok && !(options.strict === true && warnings.length > 0);
			if (!ok) finish(EXIT.POLICY_INVALID);
			if (options.json === true) {
				deps.out.write(`${JSON.stringify({ file, ok, problems, warnings, ...facts })}\n`);
				return;
			}
			for (const problem of problems) deps.err.write(`${harmless(renderProblem(problem))}\n`);
			for (const warning of warnings) deps.err.write(`${harmless(renderWarning(warning))}\n`);
			if (ok && facts !== null) {
				const parts = [
					`mode ${facts.mode}`,
					countText(facts.rules, "rule"),
					countText(facts.prefixes, "prefix", "prefixes"),
					countText(facts.names, "name"),
					`${facts.bytes} bytes in the kernel`,
				];
				deps.out.write(`${harmless(file)}: ok (${parts.join(", ")})\n`);
			}
		});
}
