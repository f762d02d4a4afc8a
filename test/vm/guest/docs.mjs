import { readFileSync } from "node:fs";

/**
 * The first code block of a language under a heading of the documentation.
 *
 * @param {string} file
 * @param {string} heading with its marks
 * @param {string} language
 */
export function blockOf(file, heading, language) {
	const text = readFileSync(file, "utf8");
	const from = text.indexOf(`\n${heading}\n`);
	if (from < 0) throw new Error(`${file} has no ${heading}`);
	const begin = text.indexOf(`\`\`\`${language}\n`, from);
	if (begin < 0) throw new Error(`${file}, ${heading}: no ${language}`);
	const body = begin + language.length + 4;
	return text.slice(body, text.indexOf("```", body));
}
