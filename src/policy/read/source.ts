/** A policy file as YAML: its value, and the position of each part. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
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
	const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
	const position = (offset: number) => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(line, 1), column: Math.max(col, 1) };
	};
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

/** Renders a path as `groups[0].rules[2].to`. */
export function renderPath(path: Path): string {
	return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** The values with aliases resolved. Too many aliases are a problem of the file (they can expand exponentially). */
function plainValue(document: Document.Parsed, file: string, problems: PolicyProblem[]): unknown {
	try {
		return document.toJS({ maxAliasCount: 1000 });
	} catch (error) {
		const message = `YAML: ${error instanceof Error ? error.message : String(error)}`;
		problems.push({ file, line: 1, column: 1, path: "", message, expected: "YAML" });
		return undefined;
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
