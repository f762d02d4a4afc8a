/** Includes between C and C++ files, and the size of files. `imports.test.ts` is the same for src/. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** From the lowest to the highest. A header includes its own layer and lower ones. */
const LAYERS = ["wire", "parse", "kernel", "decide", "who", "traffic", "hooks"];

/** Headers of bpf/ that user space compiles: layouts, parsers, and the reader of QUIC, whose state is in a map. */
const NATIVE_MAY_INCLUDE = [
	"bpf/wire/event.h",
	"bpf/wire/state.h",
	"bpf/parse/parse.h",
	"bpf/traffic/parse_quic.h",
	"bpf/traffic/quic_types.h",
];

const STAND_INS = ["native/parsers/stand_in.h", "native/parsers/quic_stand_in.h"];
const USER_SPACE = /^(native\/parsers\/|test\/fuzz\/)/;

const LINES_MAX = 300;
const COLUMNS_MAX = 120;
const TAB = 8;

const FILES = ["bpf", "native", "test"].flatMap((folder) =>
	readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
		.filter((file) => /\.(c|h|cc)$/.test(file) && !file.startsWith("build/"))
		.map((file) => `${folder}/${file}`),
);
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));

interface Include {
	readonly from: string;
	readonly to: string;
}

/** Includes of the repository's own files: by a path relative to the including file. */
const INCLUDES: Include[] = [...TEXTS].flatMap(([from, text]) =>
	[...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map(([, path = ""]) => ({
		from,
		to: normalize(join(dirname(from), path)),
	})),
);

const layerOf = (file: string) => LAYERS.indexOf(/^bpf\/([^/]+)\//.exec(file)?.[1] ?? "");
const breaking = (rule: (each: Include) => boolean) => INCLUDES.filter(rule).map(({ from, to }) => `${from} -> ${to}`);

test("the test finds includes", () => {
	expect(INCLUDES.filter(({ from, to }) => layerOf(from) >= 0 && layerOf(to) >= 0).length).toBeGreaterThan(100);
	for (const layer of LAYERS) expect(FILES.some((file) => file.startsWith(`bpf/${layer}/`))).toBe(true);
});

test("each header of bpf/ lies in a layer", () => {
	const loose = FILES.filter((file) => file.startsWith("bpf/") && layerOf(file) < 0);
	expect(loose).toEqual(["bpf/sallyport.bpf.c"]);
});

test("no two headers of bpf/ have the same name", () => {
	const names = FILES.filter((file) => layerOf(file) >= 0).map((file) => basename(file));
	expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("a layer of bpf/ includes itself and lower ones", () => {
	expect(breaking(({ from, to }) => layerOf(from) >= 0 && layerOf(to) > layerOf(from))).toEqual([]);
	expect(breaking(({ from, to }) => from.startsWith("bpf/") && !to.startsWith("bpf/"))).toEqual([]);
});

test("no two folders include each other", () => {
	const folders = new Set(
		INCLUDES.map(({ from, to }) => `${dirname(from)} ${dirname(to)}`).filter((pair) => {
			const [from, to] = pair.split(" ");
			return from !== to;
		}),
	);
	const mutual = [...folders].filter((pair) => folders.has(pair.split(" ").reverse().join(" ")));
	expect(mutual).toEqual([]);
});

test("native includes layouts and parsers of bpf/, and no maps or hooks", () => {
	const own = (file: string) => file.startsWith("native/");
	expect(breaking(({ from, to }) => own(from) && to.startsWith("bpf/") && !NATIVE_MAY_INCLUDE.includes(to))).toEqual(
		[],
	);
	expect(breaking(({ from, to }) => own(from) && to.startsWith("test/"))).toEqual([]);
});

test("only user space includes the stand-ins for the kernel", () => {
	expect(breaking(({ from, to }) => STAND_INS.includes(to) && !USER_SPACE.test(from))).toEqual([]);
	for (const file of STAND_INS) expect(INCLUDES.some(({ to }) => to === file)).toBe(true);
});

test("no file has more than 300 lines", () => {
	const long = [...TEXTS].map(([file, text]) => [file, text.split("\n").length - 1] as const);
	expect(long.filter(([, lines]) => lines > LINES_MAX)).toEqual([]);
});

test("no line has more than 120 columns", () => {
	const wide = [...TEXTS].flatMap(([file, text]) =>
		text.split("\n").flatMap((line, index) => (columns(line) > COLUMNS_MAX ? [`${file}:${index + 1}`] : [])),
	);
	expect(wide).toEqual([]);
});

function columns(line: string): number {
	let at = 0;
	for (const character of line) at = character === "\t" ? at - (at % TAB) + TAB : at + 1;
	return at;
}
