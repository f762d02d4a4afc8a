/** Every file of this repository that a page, a comment or a message names exists. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/paths.ts";

const FILES = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" })
	.split("\n")
	.filter((file) => /\.(md|ts|mjs|[ch]|cc|txt|service|spec)$/.test(file) && existsSync(join(ROOT, file)))
	/* These contain paths of other trees, or of the past. */
	.filter((file) => file !== "CHANGELOG.md" && !/^test\/unit\/(paths|links).test.ts$/.test(file));

/** Files that a build or a test creates. */
const MADE = /^(native\/build|test\/captures\/made)\b|\/NAME\./;

const NAMED =
	/(?<![\w./$@{}-])(?:src|bpf|native|test|scripts|systemd|docs|man|completion)\/[\w./-]*\.(?:ts|mjs|md|[ch]|cc|json|service|bpf\.c)\b/g;

test("paths that are named exist", () => {
	const missing = FILES.flatMap((file) => {
		/* System headers are outside this repository. */
		const text = readFileSync(join(ROOT, file), "utf8").replace(/^\s*#include <.*$/gm, "");
		return (
			[...text.matchAll(NAMED)]
				.map(([path]) => path)
				.filter((path) => !MADE.test(path))
				/* A path in src/ may omit `src/`. */
				.filter((path) => ![".", "src", dirname(file)].some((from) => existsSync(join(ROOT, from, path))))
				.map((path) => `${file}: ${path}`)
		);
	});
	expect(missing).toEqual([]);
});
