/** A policy file as YAML: its value, and the position of each part. */
import {
	Composer,
	type CST,
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	Parser,
	YAMLParseError,
} from "yaml";
import { isTooDeep, MOST_LEVELS, tooDeep } from "./nesting.ts";
import type { PolicyProblem } from "./problem.ts";

/** Keys and indices from the root: ["groups", 0, "name"]. */
export type Path = readonly (string | number)[];

export interface PolicySource {
	readonly file: string;
	/** Plain values; undefined: the text is not YAML. */
	readonly value: unknown;
	/** Errors of the YAML parser. */
	readonly problems: readonly PolicyProblem[];
	/**
	 * Position of the value at a path, or of its key, from 1. If the path does not exist, that of its nearest existing
	 * parent.
	 */
	locate(path: Path, part?: "key" | "value"): { line: number; column: number };
}

/** Parses YAML. Errors are in the result. */
export function openSource(text: string, file: string): PolicySource {
	const lines = new LineCounter();
	const position = (offset: number) => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(line, 1), column: Math.max(col, 1) };
	};
	const tokens = [...new Parser(lines.addNewLine).parse(text)];
	const deep = tooDeep(tokens);
	if (deep !== null) {
		const at = position(deep);
		return { file, value: undefined, problems: [{ file, ...at, path: "", ...TOO_DEEP }], locate: () => at };
	}
	const document = composed(tokens, text);
	const problems: PolicyProblem[] = [...document.errors, ...document.warnings].map((error) => ({
		file,
		...position(error.pos[0]),
		path: "",
		...described(error, text),
	}));
	const readable = document.errors.every((error) => error.code === "DUPLICATE_KEY");
	const value = readable ? plainValue(document, file, problems) : undefined;
	return {
		file,
		value,
		problems,
		locate: (path, part = "value") => position(offsetOf(document, path, part)),
	};
}

/* As parseDocument() of the library does, from tokens. */
function composed(tokens: readonly CST.Token[], text: string): Document.Parsed {
	/* The library prints some warnings itself, with bytes of the text. They are in the document as well. */
	const composer = new Composer({ prettyErrors: false, logLevel: "error" });
	const [first, second] = composer.compose(tokens, true, text.length);
	if (first === undefined) throw new Error("the library composes a document of any text");
	if (second !== undefined) {
		const [from, to] = second.range;
		first.errors.push(new YAMLParseError([from, to], "MULTIPLE_DOCS", "a second document"));
	}
	return first as Document.Parsed;
}

const TOO_DEEP = {
	message: `YAML: more than ${MOST_LEVELS} levels of nesting; remove levels`,
	expected: `at most ${MOST_LEVELS} levels`,
};

/** Renders a path as `groups[0].rules[2].to`. */
export function renderPath(path: Path): string {
	return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** The values with aliases resolved. Too many aliases are a problem of the file (they can expand exponentially). */
function plainValue(document: Document.Parsed, file: string, problems: PolicyProblem[]): unknown {
	const refuse = (what: Pick<PolicyProblem, "message" | "expected">) => {
		problems.push({ file, line: 1, column: 1, path: "", ...what });
		return undefined;
	};
	try {
		const value: unknown = document.toJS({ maxAliasCount: 1000 });
		return isTooDeep(value) ? refuse(TOO_DEEP) : value;
	} catch (error) {
		/* Each alias is nested in the next, which toJS() follows by calling itself. */
		if (error instanceof RangeError) return refuse(TOO_DEEP);
		const message = `YAML: ${error instanceof Error ? error.message : String(error)}`;
		return refuse({ message, expected: "YAML" });
	}
}

function offsetOf(document: Document.Parsed, path: Path, part: "key" | "value"): number {
	let node: Node | null | undefined = document.contents;
	let offset = node?.range?.[0] ?? 0;
	for (const [depth, step] of path.entries()) {
		if (isAlias(node)) node = node.resolve(document);
		if (isMap(node)) {
			const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
			if (pair === undefined) return offset;
			const key = pair.key as Node;
			node = pair.value as Node | null;
			offset = key.range?.[0] ?? offset;
			if (part === "key" && depth === path.length - 1) return offset;
		} else if (isSeq(node)) {
			node = node.items[Number(step)] as Node | undefined;
		} else {
			return offset;
		}
		// An empty value has no position, but its key has.
		const empty = isScalar(node) && node.value === null && node.source === "";
		if (!empty) offset = node?.range?.[0] ?? offset;
	}
	return offset;
}

function described(error: { code: string; message: string; pos: [number, number] }, text: string) {
	if (error.code === "DUPLICATE_KEY") {
		return { message: `the key "${keyAt(text, error.pos[0])}" is a duplicate`, expected: "each key once" };
	}
	if (error.code === "MULTIPLE_DOCS")
		return { message: "the file has a second YAML document; only one is allowed", expected: "one document" };
	return { message: `YAML: ${error.message}`, expected: "YAML" };
}

/** The key at an offset. */
function keyAt(text: string, offset: number): string {
	return /^["']?([^"':\s,}]*)/.exec(text.slice(offset, offset + 100))?.[1] ?? "";
}
