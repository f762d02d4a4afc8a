/** Imports between the folders of src/, and the size of files. The table is in the order of docs/architecture.md. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../src");
const TESTS = join(import.meta.dirname, "..");

/**
 * Each folder with the folders that it may import. A folder imports only folders above it in this table, so no two folders
 * depend on each other. The last row is the files directly in src/.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
	base: [],
	native: [],
	redact: [],
	system: ["base"],
	policy: ["native"],
	"policy/read": ["native", "policy"],
	"policy/compile": ["native", "policy", "policy/read"],
	"policy/evaluate": ["native", "policy", "policy/read"],
	identity: ["base", "native", "redact", "system"],
	records: ["base", "native", "policy", "identity"],
	connections: ["base", "native", "system", "identity", "records"],
	store: ["base", "native", "redact", "system", "policy", "records"],
	answers: ["base", "native", "records", "connections", "store"],
	enforce: [
		"base",
		"native",
		"system",
		"policy",
		"policy/read",
		"policy/compile",
		"policy/evaluate",
		"identity",
		"records",
		"connections",
	],
	overlays: ["base", "policy", "policy/read", "enforce"],
	capture: ["base"],
	replay: ["base", "native", "policy", "policy/read", "policy/evaluate", "enforce", "capture"],
	metrics: ["base", "native", "system", "policy", "identity", "records", "connections", "enforce"],
	api: ["base", "native", "system", "policy/read", "policy/compile", "records", "connections"],
	"api/schemas": ["base", "native", "records"],
	cli: ["base", "policy/read", "policy/compile", "policy/evaluate", "records", "api"],
	doctor: ["base", "native", "system", "policy/read", "policy/compile", "enforce", "cli"],
	daemon: [
		"base",
		"native",
		"system",
		"policy",
		"policy/read",
		"policy/compile",
		"policy/evaluate",
		"identity",
		"records",
		"connections",
		"store",
		"answers",
		"enforce",
		"overlays",
		"metrics",
		"api",
		"cli",
	],
	"": [
		"base",
		"native",
		"system",
		"policy/evaluate",
		"identity",
		"records",
		"connections",
		"enforce",
		"replay",
		"metrics",
		"cli",
		"doctor",
		"daemon",
	],
};

/** The route of the API, its schema and the command that calls it have the same name. */
const SAME_SUBJECT = ["api", "api/schemas", "cli"];

/** [lines] */
const LONGEST_FILE = 300;

interface Import {
	readonly from: string;
	readonly to: string;
	readonly typeOnly: boolean;
}

const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
	.filter((file) => file.endsWith(".ts"))
	.sort();
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
const IMPORTS: Import[] = [...TEXTS].flatMap(([from, text]) =>
	[
		...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+\.ts)"/gm),
		...text.matchAll(/\b(type )?import\("(\.[^"]+\.ts)"\)/g),
	].map(([, type, to = ""]) => ({
		from,
		to: relative(ROOT, join(ROOT, dirname(from), to)),
		typeOnly: type !== undefined,
	})),
);

const folderOf = (file: string) => (file.includes("/") ? dirname(file) : "");
const breaking = (rule: (each: Import) => boolean) => IMPORTS.filter(rule).map(({ from, to }) => `${from} -> ${to}`);

test("the test sees the imports", () => {
	expect(IMPORTS.length).toBeGreaterThan(500);
	for (const { to } of IMPORTS) expect(FILES).toContain(to);
});

test("the table has every folder once, and each imports only folders above it", () => {
	const order = Object.keys(MAY_IMPORT);
	expect([...new Set(FILES.map(folderOf))].sort()).toEqual([...order].sort());
	for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
		for (const other of allowed) {
			const below = folder === "api" && other === "api/schemas";
			expect(order.indexOf(other) < order.indexOf(folder) || below, `${folder} -> ${other}`).toBe(true);
		}
	}
});

test("a folder imports only what the table allows, and the table has no unused entry", () => {
	const isOwn = ({ from, to }: Import) =>
		folderOf(from) === folderOf(to) || (folderOf(from) === "api" && folderOf(to) === "api/schemas");
	expect(breaking((each) => !isOwn(each) && !MAY_IMPORT[folderOf(each.from)]?.includes(folderOf(each.to)))).toEqual([]);
	const needed = new Set(IMPORTS.map(({ from, to }) => `${folderOf(from)} -> ${folderOf(to)}`));
	const spare = Object.entries(MAY_IMPORT).flatMap(([folder, allowed]) =>
		allowed.map((other) => `${folder} -> ${other}`),
	);
	expect(spare.filter((edge) => !needed.has(edge))).toEqual([]);
});

test("no two folders need each other", () => {
	const edges = new Set(
		IMPORTS.map(({ from, to }) => [from, to].map((file) => folderOf(file).split("/")[0]).join(" ")),
	);
	const mutual = [...edges].filter((edge) => {
		const [from = "", to = ""] = edge.split(" ");
		return from < to && edges.has(`${to} ${from}`);
	});
	expect(mutual).toEqual([]);
});

test("only main.ts and command.ts lie loose in src/", () => {
	expect(FILES.filter((file) => folderOf(file) === "")).toEqual(["command.ts", "main.ts"]);
});

test("policy does no input or output", () => {
	const guilty = [...TEXTS].filter(
		([file, text]) => file.startsWith("policy/") && /from "node:(fs|net|child_process|os|http|dns)/.test(text),
	);
	expect(guilty.map(([file]) => file).filter((file) => file !== "policy/read/schema.ts")).toEqual([]);
});

test("only command.ts starts the daemon and opens the addon", () => {
	const importers = (file: string) => IMPORTS.filter(({ to }) => to === file).map(({ from }) => from);
	expect(importers("daemon/daemon.ts")).toEqual(["command.ts"]);
	expect(importers("native/addon.ts")).toEqual(["command.ts"]);
	expect(importers("command.ts")).toEqual(["main.ts"]);
	expect(importers("main.ts")).toEqual([]);
});

test("api and cli know of the kernel only the names of its numbers", () => {
	expect(
		breaking(({ from, to }) => /^(api|cli)\//.test(from) && to.startsWith("native/") && to !== "native/vocabulary.ts"),
	).toEqual([]);
});

test("cli knows the API and the records by their types and the table of filter words only", () => {
	expect(
		breaking(
			({ from, to, typeOnly }) =>
				from.startsWith("cli/") && /^(api|records)\//.test(to) && to !== "records/filter-words.ts" && !typeOnly,
		),
	).toEqual([]);
});

test("no cycles of files", () => {
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

test("no file name stands for two things", () => {
	const folders = Map.groupBy(FILES, (file) => basename(file));
	const twice = [...folders.values()].filter(
		(files) => files.filter((file) => !SAME_SUBJECT.includes(folderOf(file))).length > 1,
	);
	expect(twice).toEqual([]);
});

test("no default exports, no barrels", () => {
	for (const [file, text] of TEXTS) {
		expect(/^export default|export \* from/m.test(text), file).toBe(false);
		expect(basename(file), file).not.toBe("index.ts");
	}
});

test("no file of src/ or test/ is too long", () => {
	const isSource = (file: string) => /\.(ts|mjs|c|h)$/.test(file);
	const files = [ROOT, TESTS].flatMap((root) =>
		readdirSync(root, { recursive: true, encoding: "utf8" })
			.filter(isSource)
			.map((file) => join(root, file)),
	);
	expect(files.length).toBeGreaterThan(500);
	const long = files.filter((file) => lineCount(readFileSync(file, "utf8")) > LONGEST_FILE);
	expect(long.map((file) => relative(TESTS, file))).toEqual([]);
});

function lineCount(text: string): number {
	return text.split("\n").length - 1;
}
