import { EXIT, SallyportError } from "../errors.ts";
import type { Change } from "../policy/compare.ts";
import type { Asking, CliCommand } from "./command.ts";
import type { CliDeps } from "./deps.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { absolutePath } from "./options.ts";
import { policyInForce } from "./policy-in-force.ts";

type Options = Asking & { readonly exitCode?: boolean };

export function addPolicyDiff(policy: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	policy
		.subcommand("diff")
		.description("what would change if a file were put in force: mode, defaults, rules")
		.argument("<file>", "policy file", absolutePath)
		.option("--exit-code", "exit code 1 if something would change")
		.asks("the changes as one JSON document")
		.examples(
			["sallyport policy diff policy.yaml", "sallyport policy diff policy.yaml --json | jq '.changes[].what'"],
			"By meaning, not by letters: comments, quotes and the order of values are no change; the order of rules is.",
		)
		.action(async (file: string, { socket, json, exitCode }: Options) => {
			const { text, source, generation } = await policyInForce(socket);
			const { problems, changes } = deps.comparePolicy({ text, source }, file);
			if (problems.length > 0)
				throw new SallyportError(
					"POLICY_INVALID",
					`They cannot be compared:\n${problems.map((line) => `  ${harmless(line)}`).join("\n")}`,
				);
			if (exitCode === true && changes.length > 0) finish(EXIT.UNEXPECTED);
			if (json === true) deps.out.write(`${harmlessJson(JSON.stringify({ file, generation, changes }))}\n`);
			else deps.out.write(diffText(changes, deps.out.colours));
		});
}

function diffText(changes: readonly Change[], colours: boolean): string {
	if (changes.length === 0) return "Nothing would change.\n";
	const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
	const lines: string[] = [];
	for (const { kind, what, details } of changes) {
		const name = harmless(what);
		if (kind === "setting") {
			lines.push(paint(33, `~ ${name}: ${harmless(`${details[0]?.before} -> ${details[0]?.after}`)}`));
			continue;
		}
		if (kind === "moved") {
			lines.push(paint(33, `~ rule ${name}: moved from place ${details[0]?.before} to ${details[0]?.after}`));
			continue;
		}
		const [sign, code] = { added: ["+", 32] as const, removed: ["-", 31] as const, changed: ["~", 33] as const }[kind];
		lines.push(paint(code, `${sign} rule ${name}`));
		for (const { field, before, after } of details) {
			if (before !== null) lines.push(paint(31, `    - ${field}: ${harmless(before)}`));
			if (after !== null) lines.push(paint(32, `    + ${field}: ${harmless(after)}`));
		}
	}
	return lines.map((line) => `${line}\n`).join("");
}
