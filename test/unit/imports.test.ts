/** What knows what (docs and the design's "The tree"), held by a test. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../src");
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
	.filter((file) => file.endsWith(".ts"))
	.sort();

interface Import {
	readonly from: string;
	readonly to: string;
	readonly typeOnly: boolean;
}

const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
const IMPORTS: Import[] = [...TEXTS].flatMap(([from, text]) =>
	[...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+\.ts)"/gm)].map(
		([, type, to = ""]) => ({
			from,
			to: relative(ROOT, join(ROOT, dirname(from), to)),
			typeOnly: type !== undefined,
		}),
	),
);

const folderOf = (file: string) => (file.includes("/") ? (file.split("/")[0] ?? "") : "");
const breaking = (rule: (each: Import) => boolean) => IMPORTS.filter(rule).map(({ from, to }) => `${from} -> ${to}`);

test("there is something to check", () => {
	expect(IMPORTS.length).toBeGreaterThan(100);
	for (const { to } of IMPORTS) expect(FILES).toContain(to);
});

test("policy knows nothing but itself", () => {
	expect(breaking(({ from, to }) => folderOf(from) === "policy" && folderOf(to) !== "policy")).toEqual([]);
});

test("policy does no input or output", () => {
	const guilty = [...TEXTS].filter(
		([file, text]) => folderOf(file) === "policy" && /from "node:(fs|net|child_process|os|http|dns)/.test(text),
	);
	expect(guilty.map(([file]) => file).filter((file) => file !== "policy/schema.ts")).toEqual([]);
});

test("native knows no policy, no names, no people", () => {
	expect(breaking(({ from, to }) => folderOf(from) === "native" && folderOf(to) !== "native")).toEqual([]);
});

test("only daemon and command know everything; nobody else knows them", () => {
	const known = (file: string) => IMPORTS.filter(({ to }) => to === file).map(({ from }) => from);
	expect(known("daemon.ts")).toEqual(["command.ts"]);
	expect(known("command.ts")).toEqual([]);
	expect(known("main.ts")).toEqual([]);
	expect(TEXTS.get("main.ts")).toContain('import("./command.ts")');
});

test("the addon is opened by command alone", () => {
	expect(breaking(({ from, to }) => to === "native/addon.ts" && from !== "command.ts")).toEqual([]);
});

test("api and cli see interfaces: no kernel, no enforcement, no tables; cli speaks to the API by its types", () => {
	const own: Record<string, RegExp> = {
		api: /^(api\/|connections\/(connection|csv|filter|live-feed|rows-text|view)\.ts|store\/history\.ts|native\/vocabulary\.ts|policy\/(facts|problem)\.ts|config\.ts|errors\.ts|logger\.ts|text\.ts|address\.ts)/,
		cli: /^(cli\/|api\/(policy-types|services|status)\.ts|store\/history\.ts|connections\/view\.ts|policy\/(compare|facts|problem|replay)\.ts|config\.ts|errors\.ts|logger\.ts|text\.ts)/,
	};
	expect(breaking(({ from, to }) => own[folderOf(from)]?.test(to) === false)).toEqual([]);
	expect(
		breaking(
			({ from, to, typeOnly }) => folderOf(from) === "cli" && /^(api|connections|store)\//.test(to) && !typeOnly,
		),
	).toEqual([]);
});

test("the layers below know nothing of those above", () => {
	const lower = ["native", "system", "identity", "connections"];
	expect(
		breaking(
			({ from, to }) => lower.includes(folderOf(from)) && ["api", "cli", "metrics", "enforce"].includes(folderOf(to)),
		),
	).toEqual([]);
	expect(
		breaking(({ from, to }) => folderOf(from) === "enforce" && ["api", "cli", "metrics"].includes(folderOf(to))),
	).toEqual([]);
});

test("no cycles", () => {
	const done = new Set<string>();
	const cycles: string[] = [];
	const visit = (file: string, path: readonly string[]) => {
		if (path.includes(file)) {
			cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
			return;
		}
		if (done.has(file)) return;
		for (const { from, to } of IMPORTS) if (from === file) visit(to, [...path, file]);
		done.add(file);
	};
	for (const file of FILES) visit(file, []);
	expect(cycles).toEqual([]);
});

test("no default exports, no barrels, no long files", () => {
	for (const [file, text] of TEXTS) {
		expect(/^export default|export \* from/m.test(text), file).toBe(false);
		expect(basename(file), file).not.toBe("index.ts");
		expect(text.split("\n").length, file).toBeLessThanOrEqual(400);
	}
});
