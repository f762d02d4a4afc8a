import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { reasonNames } from "../../../src/native/vocabulary.ts";
import { compile } from "../../../src/policy/compile/compile.ts";
import { ERRNOS } from "../../../src/policy/numbers.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { worldEnvironment } from "./world.ts";

const LISTS: Record<string, string> = {
	"lists/blocked-networks.txt": "192.0.2.0/24\n",
	"lists/bad-names.txt": "bad.example\n",
	"lists/incidents.txt": "",
	"lists/today.txt": "198.51.100.0/24\n",
};
const environment = { ...worldEnvironment, readList: (path: string) => Buffer.from(LISTS[path]!) };

const text = readFileSync(new URL("../../../docs/policy.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(
	(match) => [text.slice(0, match.index).split("\n").length + 1, match[1]!] as const,
);

test("docs/policy.md has examples", () => {
	expect(examples.length).toBeGreaterThan(7);
});

test.for(examples)("the example in line %i of docs/policy.md is a policy", ([, example]) => {
	const parsed = parsePolicy(example, "docs/policy.md", environment);
	expect(parsed.ok ? [] : parsed.problems.map(renderProblem)).toEqual([]);
	if (parsed.ok)
		compile(parsed.policy, {
			generation: 1,
			hashKey: [1, 2, 3, 4],
			slots: parsed.policy.rules.map((rule) => rule.index),
		});
});

test("every error that docs/policy.md names exists", () => {
	const names = [...text.matchAll(/\bE[A-Z]{4,}\b/g)].map((match) => match[0]);
	expect(names.length).toBeGreaterThan(3);
	expect(names.filter((name) => !ERRNOS.has(name))).toEqual([]);
});

test("docs/deciding.md explains every reason, and no other", () => {
	const page = readFileSync(new URL("../../../docs/deciding.md", import.meta.url), "utf8");
	const table = page.slice(page.indexOf("\n## Reasons\n"));
	expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name).sort()).toEqual(
		reasonNames.filter((each) => each !== null).sort(),
	);
});
