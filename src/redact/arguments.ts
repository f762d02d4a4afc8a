/**
 * Replaces the secrets of command lines. Rules for text (secret-text.ts) apply to each argument; rules for flags and words know the
 * programs of a command line (program-rules.ts), also behind `env`, `sudo`, `ssh HOST` or `sh -c`. In doubt, a value is replaced.
 */

import { REDACTED, redactCutEnd } from "./known-tokens.ts";
import { type ProgramRules, rulesOf, USER_AND_GROUP, type ValueKind } from "./program-rules.ts";
import { isSecretName } from "./secret-names.ts";
import { redactLogin, redactText, redactValue } from "./secret-text.ts";
import { replaceWords, shellWords } from "./shell-words.ts";

/**
 * A command line without its secrets.
 *
 * @param args NUL between arguments
 * @param isCut the end is missing
 */
export function redactArguments(args: string, isCut = false): string {
	if (args === "") return args;
	const redacted = redactWords(args.split("\0"), 0);
	const last = redacted.pop() ?? "";
	return [...redacted, isCut ? redactCutEnd(last) : last].join("\0");
}

/** Commands within commands: sh -c "ssh host 'mysql -pSECRET'". */
const DEEPEST = 3;

/* A word of `config` that is no name of a setting: set-credentials. */
const VERB = /^(?:set|get|unset|use|view|list|delete|create|add)-/;
/* Commands that get a secret: reset-admin-password. */
const CHANGES = /^(?:reset|change|set|update)[-_](?:\w+[-_])*(?:password|passwd|token|secret)$/;
/* sh -c, bash -lc: a command follows. */
const COMMAND_FLAG = /^-[a-z]*c$/;

/* A flag whose value is the next word. */
interface Awaited {
	readonly kind: ValueKind;
	readonly name: string;
}

function redactWords(words: readonly string[], depth: number): string[] {
	const command = new Command();
	return words.map((word, at) => command.redact(word, words, at, depth));
}

class Command {
	#rules: ProgramRules[] = [];
	#hasUserAndGroup = false;
	#setsValues = false;
	#words: string[] = [];
	#awaited: Awaited | null = null;
	/** Words until the secrets of a word of a program; null: there are none. */
	#until: number | null = null;

	redact(word: string, all: readonly string[], at: number, depth: number): string {
		const awaited = this.#awaited;
		this.#awaited = null;
		const isCommand = COMMAND_FLAG.test(all[at - 1] ?? "");
		if (awaited !== null && !looksLikeFlag(word)) return valueFor(awaited, word, depth);
		return /^-./.test(word) || /^\/[a-z]:/.test(word)
			? this.#flag(word, all, depth)
			: this.#word(word, all, at, depth, isCommand);
	}

	#flag(word: string, all: readonly string[], depth: number): string {
		for (const rules of this.#rules) {
			const redacted = this.#flagOf(rules, word, all, depth);
			if (redacted !== null) return redacted;
		}
		const assigned = /^([^=]+)=/.exec(word);
		const name = assigned?.[1] ?? word;
		const isLogin = (name === "--user" || name === "-u") && !this.#hasUserAndGroup;
		if (assigned === null) {
			if (isSecretName(name) && !/^-[a-zA-Z]$/.test(name)) this.#awaited = { kind: "secret", name };
			else if (isLogin) this.#awaited = { kind: "login", name };
			return redactWord(word, depth);
		}
		if (isSecretName(name)) return redactWord(word, depth);
		const value = word.slice(name.length + 1);
		return `${name}=${isLogin ? valueFor({ kind: "login", name }, value, depth) : redactWord(value, depth)}`;
	}

	/* Null: the rules do not know the flag. */
	#flagOf({ flags = {}, after, valued, attached }: ProgramRules, word: string, all: readonly string[], depth: number) {
		if (after !== undefined && !all.some((each) => after.test(each))) return null;
		const [name = "", value] = splitFlag(word);
		const kind = flags[name];
		if (kind !== undefined) {
			if (value !== null) return word.slice(0, word.length - value.length) + valueFor({ kind, name }, value, depth);
			if (attached === undefined) this.#awaited = { kind, name };
			return word;
		}
		if (/^--|^-$|^\//.test(word)) return null;
		for (let at = 1; at < word.length; at++) {
			const letter = `-${word[at]}`;
			const rest = word.slice(at + 1);
			const found = flags[letter];
			if (found !== undefined) {
				if (rest === "" && attached === undefined) this.#awaited = { kind: found, name: letter };
				return rest === "" ? word : word.slice(0, at + 1) + valueFor({ kind: found, name: letter }, rest, depth);
			}
			if (valued === undefined) return null;
			if (valued.includes(word[at] ?? "")) return word.slice(0, at + 1) + redactWord(rest, depth);
		}
		return null;
	}

	#word(word: string, all: readonly string[], at: number, depth: number, isCommand: boolean): string {
		const before = this.#words.at(-1);
		this.#words.push(word.toLowerCase());
		const secret = this.#isSecret(word, before, all, at);
		this.#rules = this.#rules.filter(({ wrapper }) => wrapper !== true);
		this.#learn(word);
		if (secret) return REDACTED;
		if (/^bearer$/i.test(word)) this.#awaited = { kind: "secret", name: word };
		for (const { logins, literals } of this.#rules) {
			if (logins !== undefined && this.#words.length > 1) return valueFor({ kind: logins, name: "" }, word, depth);
			if (literals !== undefined && this.#words.some((each) => literals.test(each))) {
				return valueFor({ kind: "literal", name: "" }, word, depth);
			}
		}
		/* bundle config NAME user:secret */
		if (this.#setsValues && /^[^:/\s]+:(?!\d+$)[^:/\s]+$/.test(word)) return redactLogin(word);
		return redactWord(word, depth, isCommand);
	}

	#isSecret(word: string, before: string | undefined, all: readonly string[], at: number): boolean {
		if (this.#until !== null && this.#until-- <= 0) return !word.includes("=");
		if (this.#setsValues && before !== undefined && isSecretName(before) && !VERB.test(before) && !word.includes("=")) {
			return true;
		}
		/* poetry config http-basic.NAME user secret */
		if (this.#setsValues && this.#words.at(-3)?.startsWith("http-basic") === true) return true;
		if (before !== undefined && CHANGES.test(before)) return true;
		const isLast = this.#words.length > 2 && at === all.length - 1;
		return isLast && this.#rules.some(({ last }) => last !== undefined && all.some((each) => last.test(each)));
	}

	#learn(word: string): void {
		/* Also of an option with a command: ProxyCommand=sshpass. */
		const program = word.split(/[/=]/).at(-1) ?? "";
		this.#rules.push(...rulesOf(program));
		this.#hasUserAndGroup ||= USER_AND_GROUP.test(program);
		this.#setsValues ||= /^(?:set|config|configure)$/.test(word);
		for (const { words } of this.#rules) {
			const skipped = words?.[word.toLowerCase()] ?? (words?.[program] === undefined ? undefined : words[program]);
			if (skipped !== undefined && this.#until === null) this.#until = skipped;
		}
	}
}

/* "--user=x", "/p:x" */
function splitFlag(word: string): [string, string | null] {
	const found = /^(--[^=]+|-[^=]{2,}|-[^=](?==)|\/[a-z](?=:))[=:](.*)$/s.exec(word);
	return found === null ? [word, null] : [found[1] ?? "", found[2] ?? ""];
}

/* "-h" or "--host" after a flag that has its value only sometimes; "-Secret1" is a value. */
function looksLikeFlag(word: string): boolean {
	return /^(?:-[A-Za-z]|--[a-z][a-z0-9-]*(?:=.*)?)$/s.test(word);
}

function valueFor({ kind, name }: Awaited, value: string, depth: number): string {
	switch (kind) {
		case "token":
			if (!value.includes(":")) return REDACTED;
			return redactLogin(value);
		case "secret":
			return redactValue(name, value);
		case "login":
			return value.includes("://") ? redactWord(value, depth) : redactLogin(value);
		case "percent":
			return value.includes("%") ? redactLogin(value, "%") : redactText(value);
		case "comma":
			return value.includes(",") ? redactLogin(value, ",") : redactText(value);
		case "slash":
			return value.replace(/^([\w$#"]+)\/([^@]+)/, `$1/${REDACTED}`);
		case "cookie":
			return value.includes("=") ? REDACTED : redactWord(value, depth);
		case "literal":
			return value.replace(/^([^=]+)=(?!@).+$/s, `$1=${REDACTED}`);
	}
}

/* NAME=VALUE and headers as a whole, since the value of a whole argument needs no quotes; then commands; then any text. */
function redactWord(word: string, depth: number, isCommand = false): string {
	const whole = isCommand && /\s/.test(word) ? null : (ASSIGNED.exec(word) ?? HEADER.exec(word));
	const [, name = "", separator = "", value = ""] = whole ?? [];
	if (isSecretName(name)) return `${name}${separator}${redactValue(name, value)}`;
	const hasCommands = depth < DEEPEST && /\s/.test(word) && !/^\s*[[{<]/.test(word);
	return redactText(hasCommands ? redactCommands(word, depth + 1) : word);
}

const ASSIGNED = /^([^=\s?&]+)(=)(.+)$/s;
/* Fields of HTTP need no space after the colon, but other words with a colon are hosts and images. */
const HEADER =
	/^(?:(?=[A-Za-z][\w-]*:\s)|(?=(?:proxy-)?authorization:|(?:set-)?cookie:|x-[\w-]+:))([A-Za-z][\w-]*)(:\s*)(.+)$/is;

function redactCommands(text: string, depth: number): string {
	const words = shellWords(text);
	const isPiped = READS_SECRET.test(text);
	const values: string[] = [];
	for (let at = 0; at < words.length; ) {
		let end = at + 1;
		while (end < words.length && words[end]?.begins === false) end++;
		const command = words.slice(at, end).map(({ value }) => value);
		values.push(...(isPiped && PRINTS.test(command[0] ?? "") ? redactPrinted(command) : redactWords(command, depth)));
		at = end;
	}
	return replaceWords(text, words, values);
}

/* echo SECRET | docker login --password-stdin */
const READS_SECRET =
	/--password-stdin|--with-token|--passphrase-fd|--stdin\b|\bsudo\s+(?:-\w+\s+)*-\w*S|\bchpasswd\b|\bcryptsetup\b/;
const PRINTS = /^(?:echo|printf)$/;

function redactPrinted([program = "", ...words]: readonly string[]): string[] {
	return [program, ...words.map((word) => (word.startsWith("-") || word.startsWith("%") ? word : REDACTED))];
}
