import { SallyportError } from "../base/errors.ts";
import { type PolicyProblem, renderProblem, renderWarning, unreadable } from "../policy/read/problem.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, type PolicyInForce, policyInForce, refusal, send } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath } from "./options.ts";
import { harmless, harmlessJson } from "./text.ts";

type Options = DaemonOptions & { readonly ifMatch?: string };

export function addPolicyApply(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("apply")
		.description("put a policy file in force; an invalid file changes nothing (exit code 3)")
		.argument("<file>", "policy file", absolutePath)
		.option("--if-match <etag>", "only if the policy with this ETag is in force (default: the one in force now)")
		.queriesDaemon("the answer as one JSON document")
		.examples(
			[
				"sallyport policy diff policy.yaml && sallyport policy apply policy.yaml",
				`sallyport policy apply policy.yaml --if-match "$(sallyport policy show --json | jq -r .etag)"`,
			],
			"The policy stays in force until the daemon's own policy file changes, SIGHUP, or the daemon's next start. Change that " +
				"file too. The daemon reads list files from the directory of its own policy file.",
		)
		.action((file: string, options: Options) => apply(file, options, deps));
}

async function apply(file: string, { socket, json, ifMatch }: Options, deps: CliDeps): Promise<void> {
	const body = readPolicyFile(deps, file);
	const tag = ifMatch ?? (await etagInForce(socket));
	const reply = await send({
		socket,
		path: "/v1/policy",
		method: "PUT",
		type: "application/yaml",
		body,
		headers: tag === null ? {} : { "if-match": tag },
	});
	const answer = await bodyText(reply);
	if (reply.status === 412)
		throw new SallyportError(
			"DAEMON_REFUSED",
			"Another policy has been put in force in the meantime.",
			"Compare with `sallyport policy diff`, then apply again.",
		);
	if (reply.status === 422) throw invalidPolicy(answer, file);
	if (reply.status >= 300) throw refusal(answer, reply.status);
	if (json === true) {
		deps.out.write(`${harmlessJson(answer)}\n`);
		return;
	}
	const { generation, mode, warnings = [] } = JSON.parse(answer) as PolicyInForce;
	writeWarnings(
		warnings.map((each) => ({ ...each, file: each.file === "(api)" ? file : each.file })),
		deps,
	);
	deps.out.write(`${harmless(file)}: in force, generation ${generation}, mode ${mode}\n`);
}

/** The warnings about a policy that is in force, as `policy check` prints them. */
export function writeWarnings(warnings: readonly PolicyProblem[], { err }: Pick<CliDeps, "err">): void {
	for (const warning of warnings) err.write(`${harmless(renderWarning(warning))}\n`);
}

/**
 * The text of a policy file.
 * @throws SallyportError POLICY_INVALID if it cannot be read, as `policy check` reports it.
 */
export function readPolicyFile({ readFile }: Pick<CliDeps, "readFile">, file: string): string {
	try {
		return readFile(file);
	} catch (error) {
		throw new SallyportError("POLICY_INVALID", harmless(renderProblem(unreadable(file, error))), null, error);
	}
}

/* Null if an earlier daemon loaded the policy: this daemon does not know its ETag. */
async function etagInForce(socket: string): Promise<string | null> {
	try {
		return (await policyInForce(socket)).etag;
	} catch (error) {
		if (error instanceof SallyportError && error.code === "DAEMON_REFUSED") return null;
		throw error;
	}
}

/** The error for the problem details (RFC 9457) of a policy that the daemon refused. `file`: the file that was sent, or null. */
export function invalidPolicy(answer: string, file: string | null): SallyportError {
	const { problems = [] } = JSON.parse(answer) as { problems?: readonly PolicyProblem[] };
	const lines = problems.map((problem) => {
		const place = problem.file === "(api)" ? (file ?? problem.file) : problem.file;
		return `  ${harmless(renderProblem({ ...problem, file: place }))}`;
	});
	return new SallyportError(
		"POLICY_INVALID",
		`The policy is invalid. The previous one stays in force:\n${lines.join("\n")}`,
	);
}
