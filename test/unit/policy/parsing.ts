/** Parses policies from strings, with the files that they name in memory. */
import type { Environment, Policy } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";

const FILES: Record<string, string> = {
	"nets.txt": "# offices\n10.0.0.0/8   # one\r\n\n  2001:db8::/32\n192.0.2.1\n",
	"bad.txt": "10.0.0.0/8\n  10.0.0.1/8\n999.1.1.1\n2001:db8::/129\n",
	"names.txt": "\ufeffExample.com\n**.bücher.example # x\n",
	"badnames.txt": "ok.example\n*x.example\n",
};
export const environment: Environment = {
	readList: (path) => {
		const text = FILES[path];
		if (text === undefined) throw new Error("ENOENT: no such file");
		return Buffer.from(text);
	},
	uidOf: (name) => (name === "agent" ? 990 : null),
	exeOf: (path) => (path.startsWith("/proc/") ? [] : [{ dev: 5, path: path.replace("/usr/", "/") }]),
};

export function problems(text: string): string[] {
	const parsed = parsePolicy(text, "p.yaml", environment);
	return parsed.ok ? [] : parsed.problems.map(renderProblem);
}

export function policy(text: string): Policy {
	const parsed = parsePolicy(text, "p.yaml", environment);
	if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join("\n"));
	return parsed.policy;
}

/** A policy with one rule, whose `to` begins at line 5, column 39. */
export const withTo = (to: string) =>
	`version: 1\ngroups:\n  - name: g\n    rules:\n      - { name: r, action: allow, to: { ${to} } }\n`;
export const withFrom = (from: string) => withTo("ports: 1").replace("to: { ports: 1 }", `from: { ${from} }`);
export const withRules = (rules: string) => `version: 1\ngroups:\n  - name: g\n    rules:\n${rules}`;
