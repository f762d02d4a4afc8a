/** Documentation pages: their commands, and the comparison of real output with the page. */
import { spawnSync } from "node:child_process";

export interface Command {
	/** file:line */
	readonly at: string;
	readonly text: string;
	readonly output: readonly string[];
}

/** A page may use these and no others. */
export const PROGRAMS: readonly string[] = [
	...["sallyport", "scripts/sallyport", "curl", "jq", "npm", "openssl", "promtool"],
	...["cp", "cut", "date", "grep", "head", "printf", "sed", "sort", "source", "umask", "uniq"],
];

/**
 * In ```console blocks, commands are the lines with a prompt, and their output follows. In blocks without a language that begin
 * with a known program, every line is a command. A command continues on the next line after a backslash or within quotes.
 */
export function commands(page: string, text: string, known: readonly string[]): Command[] {
	const found: Command[] = [];
	const lines = text.split("\n");
	for (let at = 0; at < lines.length; at++) {
		const language = /^```(\w*)$/.exec(lines[at] ?? "")?.[1];
		if (language === undefined) continue;
		const first = at + 1;
		at = lines.indexOf("```", first);
		if (at < 0) throw new Error(`${page}:${first}: a block without an end`);
		const block = lines.slice(first, at);
		if (language === "console" || (language === "" && block[0]?.startsWith("$ ")))
			found.push(...ofBlock(`${page}:`, block, first + 1, true));
		else if (language === "" && known.includes(block[0]?.split(" ")[0] ?? ""))
			found.push(...ofBlock(`${page}:`, block, first + 1, false));
	}
	return found;
}

/** The first word of each block that looks like a command and that `commands` leaves out. */
export function leftOut(text: string, known: readonly string[]): string[] {
	const found: string[] = [];
	for (const [, language = "", first = ""] of text.matchAll(/^```(\w*)\n(.*)\n[\s\S]*?^```$/gm)) {
		const word = first.split(" ")[0] ?? "";
		const isCommand = /^[a-z][\w./-]*$/.test(word);
		const isRun = language === "" && known.includes(word);
		if (isCommand && ["", "bash", "sh", "shell"].includes(language) && !isRun) found.push(word);
	}
	return found;
}

function ofBlock(page: string, block: readonly string[], line: number, prompts: boolean): Command[] {
	const found: { at: string; text: string; output: string[] }[] = [];
	for (let at = 0; at < block.length; at++) {
		const begin = block[at] ?? "";
		const last = found.at(-1);
		if (prompts && !/^[#$] /.test(begin)) {
			if (last === undefined) throw new Error(`${page}${line + at}: a block begins without a prompt`);
			last.output.push(begin);
			continue;
		}
		const command = { at: `${page}${line + at}`, text: prompts ? begin.slice(2) : begin, output: [] };
		while (at + 1 < block.length && !isWhole(command.text)) command.text += `\n${block[++at]}`;
		found.push(command);
	}
	return found;
}

function isWhole(text: string): boolean {
	if (text.endsWith("\\")) return false;
	return !/unexpected EOF/.test(spawnSync("bash", ["-n", "-c", text], { encoding: "utf8" }).stderr);
}

/** The programs that a command line calls. Quoted text is ignored, except for substitutions. */
export function programs(text: string): string[] {
	const inner = [...text.matchAll(/\$\(([^()]*)\)/g)].map((match) => match[1] ?? "");
	const outer = text
		.replaceAll(/\\\n/g, " ")
		.replaceAll(/'[^']*'|"[^"]*"/g, "Q")
		.replaceAll(/ #.*/g, "")
		.replaceAll(/\$\([^()]*\)/g, "Q");
	return [outer, ...inner]
		.flatMap((part) => part.split(/\|\||&&|[|;&\n]|<\(|\(|\)/))
		.map((part) => part.trim().split(/\s+/)[0] ?? "")
		.filter((word) => word !== "");
}

/** zsh refuses a word with `?` or `*` that matches no file. */
export function hasOpenPattern(text: string): boolean {
	return /https?:\/\/\S*[?*&]/.test(text.replaceAll(/'[^']*'|"[^"]*"/g, "Q"));
}

/**
 * Lines of a page's output that the real output lacks. Tables are compared by header, JSON by keys, `field   value` lines by
 * field, and other lines without numbers and blanks. A line that ends with … may continue.
 */
export function differences(documented: readonly string[], real: string): string[] {
	const lines = real.split(/\r?\n/);
	const different: string[] = [];
	for (const line of documented) {
		if (isHeader(line)) {
			if (!lines.some((each) => hasInOrder(words(each), words(line)))) different.push(line);
			break;
		}
		if (line.trim() !== "" && line.trim() !== "…" && !lines.some((each) => alike(line, each))) different.push(line);
	}
	return different;
}

function alike(documented: string, real: string): boolean {
	const expected = keys(documented);
	if (expected !== null) {
		const there = keys(real);
		return there !== null && expected.every((key) => there.includes(key));
	}
	const field = /^([a-z][a-z ]*?) {2,}\S/.exec(documented)?.[1];
	if (field !== undefined) return real.startsWith(`${field}  `);
	const [left, right] = [documented, real].map((line) =>
		line
			.replaceAll(/[\d.]+/g, "#")
			.replaceAll(/\s+/g, " ")
			.trim(),
	);
	return left?.endsWith("…") ? right?.startsWith(left.slice(0, -1)) === true : left === right;
}

function keys(line: string): string[] | null {
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === "object" && value !== null ? Object.keys(value) : null;
	} catch {
		return null;
	}
}

export function isHeader(line: string): boolean {
	return /^[A-Z][A-Z/]+(?: +[A-Z][A-Z/]*)+$/.test(line.trim());
}

function words(line: string): string[] {
	return line.split(/\s+/).filter(Boolean);
}

function hasInOrder(all: readonly string[], some: readonly string[]): boolean {
	let at = -1;
	return some.every((word) => {
		at = all.indexOf(word, at + 1);
		return at >= 0;
	});
}
