/** test/e2e/docs.test.ts runs the commands of the pages; these are all that it leaves out. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasOpenPattern, leftOut, PROGRAMS } from "../../support/doc-pages.ts";
import { ROOT } from "../../support/paths.ts";

/**
 * By the first word of the block. apt-get, journalctl and the commands of an image need an installed package: the guest
 * runs their like (test/vm). tcpdump reads the host's own interface. "tried" heads the output of the demo.
 */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
	"README.md": ["tried", "apt-get"],
	"docs/captures.md": ["tcpdump"],
	"docs/ec2.md": ["apt-get", "sallyport"],
	"docs/service.md": ["apt-get", "journalctl", "apt-get"],
};

test("every block of commands is run, or is in the list of those that are not", () => {
	const docs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
	const pages = ["README.md", ...docs.map((name) => `docs/${name}`)];
	const found = pages.map((page) => [page, leftOut(readFileSync(join(ROOT, page), "utf8"), PROGRAMS)] as const);
	expect(Object.fromEntries(found.filter(([, words]) => words.length > 0))).toEqual(LEFT_OUT);
});

test("a block with an unknown program, or in another language of the shell, is left out", () => {
	expect(leftOut("```\nreboot now\n```\n\n```bash\ncurl x\n```\n\n```\ncurl x\n```\n", ["curl"])).toEqual([
		"reboot",
		"curl",
	]);
});

test("a URL with a pattern of the shell must be quoted", () => {
	expect(hasOpenPattern("curl http://localhost/v1/connections?limit=1")).toBe(true);
	expect(hasOpenPattern("curl 'http://localhost/v1/connections?limit=1' | jq '.[]'")).toBe(false);
});
