/** Real command lines, and what is stored of them. Words in quotes are one argument, as a shell passes them. */
import { expect, test } from "vitest";
import { redactArguments } from "../../../src/redact/arguments.ts";
import { shellWords } from "../../../src/redact/shell-words.ts";
import { CLOUD, DATABASES, HARMLESS, NESTED, OTHERS, SOURCES, TOKENS, WEB } from "./command-lines.ts";

const stored = (line: string, isCut = false) => redactArguments(argumentsOf(line).join("\0"), isCut).split("\0");

/* With quotes only around a whole argument, and without operators: no more of a shell is needed. */
function argumentsOf(line: string): string[] {
	return [...line.matchAll(/«([^»]*)»|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

for (const [kind, table] of Object.entries({ WEB, DATABASES, CLOUD, SOURCES, NESTED, OTHERS, TOKENS })) {
	test.for(table)(`secrets are not stored (${kind.toLowerCase()}): %s`, ([line, expected]) => {
		expect(stored(line)).toEqual(argumentsOf(expected));
		expect(stored(line).join(" ")).not.toMatch(/hunter2|s3cr3t/i);
	});
}

test.for(HARMLESS)("a command line without secrets is stored as it is: %s", (line) => {
	expect(stored(line)).toEqual(argumentsOf(line));
});

test("what is stored does not change when it is read again", () => {
	for (const [line] of [...WEB, ...DATABASES, ...CLOUD, ...SOURCES, ...NESTED, ...OTHERS, ...TOKENS]) {
		const once = stored(line);
		expect(redactArguments(once.join("\0")).split("\0"), line).toEqual(once);
	}
});

test.for([
	["curl https://user:hunt", "curl https://user:***"],
	["curl https://api.example:8443", "curl https://api.example:8443"],
	["tool wJalrXUtnFEMIK7MD", "tool ***"],
	["mysql -phunt", "mysql -p***"],
	['curl -d «{"password": "hunt»', 'curl -d «{"password": ***»'],
	["curl https://example.org/a/very/long/path/to/some", "curl https://example.org/a/very/long/path/to/some"],
] as const)("a secret that the kernel has cut: %s", ([line, expected]) => {
	expect(stored(line, true)).toEqual(argumentsOf(expected));
});

test("the words of a shell, also when the text is cut within quotes", () => {
	const words = shellWords(`A='b c' cmd "d \\"e\\"" f\\ g && next 'open`);
	expect(words.map(({ value, begins }) => [value, begins])).toEqual([
		["A=b c", true],
		["cmd", false],
		['d "e"', false],
		["f g", false],
		["next", true],
		["open", false],
	]);
});

test("hostile command lines take no time to speak of, and do not throw", () => {
	const lines = [
		"a:".repeat(250),
		"https://".repeat(60),
		"'\"\\".repeat(170),
		"password".repeat(60),
		"=".repeat(500),
		"a@b:".repeat(120),
	];
	const began = performance.now();
	for (const line of lines) redactArguments(`sh\0-c\0${line} ${line}`);
	const baseline = performance.now();
	for (let n = 0; n < 200; n++) redactArguments(`sh\0-c\0${"word ".repeat(200)}`);
	expect(baseline - began).toBeLessThan((performance.now() - baseline) * 10);
});
