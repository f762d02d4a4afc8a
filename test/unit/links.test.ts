/** Links and anchors of the pages, and references from the source to decision records. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/paths.ts";

const RECORDS = "docs/decisions";
const markdown = (folder: string) =>
	readdirSync(join(ROOT, folder))
		.filter((name) => name.endsWith(".md"))
		.map((name) => join(folder, name));
const PAGES = [...markdown("."), ...markdown("docs"), ...markdown(RECORDS)];
const records = markdown(RECORDS).filter((page) => /\/\d{4}-/.test(page));
const read = (page: string) => readFileSync(join(ROOT, page), "utf8");

test.each(PAGES)("every link of %s has a target", (page) => {
	expect(links(read(page)).filter((link) => !resolves(page, link))).toEqual([]);
});

test("a link without a target is found", () => {
	expect(links("[a](b.md) [c](https://example.com) `[d](e)` [f](docs/api.md#nothing)")).toEqual([
		"b.md",
		"docs/api.md#nothing",
	]);
	expect(resolves("README.md", "docs/nothing.md")).toBe(false);
	expect(resolves("README.md", "docs/api.md#nothing")).toBe(false);
	expect(resolves("README.md", "docs/api.md#errors")).toBe(true);
});

test("records of decisions are numbered without gaps, have one form, and are in the index", () => {
	const numbers = records.map((page) => Number(/\/(\d{4})-/.exec(page)?.[1])).sort((a, b) => a - b);
	expect(numbers).toEqual(numbers.map((_, index) => index + 1));
	const index = read(`${RECORDS}/README.md`);
	for (const page of records) {
		expect(index, page).toContain(`(${page.slice(RECORDS.length + 1)})`);
		const headings = [...read(page).matchAll(/^## (.*)$/gm)].map((match) => match[1]);
		expect(headings, page).toEqual(["Context", "Decision", "Consequences", "Status"]);
	}
});

test("every record that a source cites exists", () => {
	const cited = ["bpf", "native", "src", "test", "scripts", "systemd"].flatMap((folder) =>
		readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile() && /\.(c|cc|h|ts|mjs|service)$/.test(entry.name))
			.map((entry) => join(entry.parentPath, entry.name))
			.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/docs\/decisions\/(\d{4}[\w-]*)/g)])
			.map((match) => match[1] ?? ""),
	);
	expect(cited.length).toBeGreaterThan(3);
	const known = records.map((page) => page.slice(RECORDS.length + 1, -".md".length));
	expect(cited.filter((name) => !known.some((each) => each === name || each.slice(0, 4) === name))).toEqual([]);
});

/** Relative targets, without those in code. */
function links(text: string): string[] {
	const prose = text.replaceAll(/^```.*?^```/gms, "").replaceAll(/`[^`\n]*`/g, "");
	return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
		.map((match) => match[1] ?? "")
		.filter((link) => !/^[a-z]+:/.test(link));
}

function resolves(page: string, link: string): boolean {
	const [path = "", anchor] = link.split("#");
	const target = path === "" ? page : join(dirname(page), path);
	if (!existsSync(join(ROOT, target))) return false;
	return anchor === undefined || anchors(read(target)).includes(anchor);
}

/** Anchors as GitHub derives them from headings. */
function anchors(text: string): string[] {
	return [...text.replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm)].map((match) =>
		(match[1] ?? "")
			.toLowerCase()
			.replaceAll(/[^\w\- ]/g, "")
			.replaceAll(" ", "-"),
	);
}
