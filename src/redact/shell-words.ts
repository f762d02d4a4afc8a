/** A word of a shell command. */
export interface ShellWord {
	/** As written, with quotes. */
	readonly raw: string;
	/** Without quotes and escapes. */
	readonly value: string;
	/** Position in the text. */
	readonly at: number;
	/** The first word of a command. */
	readonly begins: boolean;
}

/** The words of a shell command line. An open quote ends with the text, because the kernel cuts long arguments. */
export function shellWords(text: string): ShellWord[] {
	const words: ShellWord[] = [];
	let begins = true;
	for (let at = 0; at < text.length; ) {
		const separator = SEPARATOR.exec(text.slice(at, at + 1));
		if (separator !== null) {
			if (separator[0].trim() !== "" || separator[0] === "\n") begins = true;
			at++;
			continue;
		}
		const { value, end } = wordAt(text, at);
		words.push({ raw: text.slice(at, end), value, at, begins });
		begins = false;
		at = end;
	}
	return words;
}

/** Replaces words of the text; a word that was quoted stays quoted. */
export function replaceWords(text: string, words: readonly ShellWord[], values: readonly string[]): string {
	let result = "";
	let done = 0;
	for (const [index, { raw, value, at }] of words.entries()) {
		const replaced = values[index] ?? value;
		if (replaced === value) continue;
		result += text.slice(done, at) + quotedAs(raw, replaced);
		done = at + raw.length;
	}
	return result + text.slice(done);
}

/* PW='a b' -> PW='***' */
function quotedAs(raw: string, value: string): string {
	const first = raw.search(/["']/);
	if (first < 0) return value;
	const before = value.startsWith(raw.slice(0, first)) ? raw.slice(0, first) : "";
	return `${before}${raw[first]}${value.slice(before.length)}${raw[first]}`;
}

/* Operators of sh(1) end a command; parentheses and backquotes are of substitutions. */
const SEPARATOR = /[\s;&|()`<>]/;

function wordAt(text: string, start: number): { value: string; end: number } {
	let value = "";
	let quote = "";
	let at = start;
	for (; at < text.length; at++) {
		const character = text[at] ?? "";
		if (character === quote) quote = "";
		else if (quote === "" && (character === '"' || character === "'")) quote = character;
		else if (character === "\\" && quote !== "'") value += text[++at] ?? "";
		else if (quote === "" && SEPARATOR.test(character)) break;
		else value += character;
	}
	return { value, end: Math.min(at, text.length) };
}
