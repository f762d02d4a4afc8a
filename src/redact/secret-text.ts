import { REDACTED, redactTokens } from "./known-tokens.ts";
import { isOftenFile, isSecretName, isSecretParameter } from "./secret-names.ts";

/** Replaces the secrets in any text: credentials of a known form, URLs with userinfo, NAME=VALUE, JSON, headers, SQL. */
export function redactText(text: string): string {
	const known = redactUserinfo(redactTokens(text));
	if (!NAMED.test(known)) return known;
	return redactAssignments(known.replace(CALL, `$1${REDACTED}`)).replace(SQL, `$1${REDACTED}`);
}

/* Part of every name of a secret (secret-names.ts): most arguments have none of them, and a scan is cheap. */
const NAMED =
	/pass|pwd|pw|pin|secret|token|key|psk|auth|cred|cookie|bearer|jwt|otp|sig|code|sid|session|ticket|assertion|hmac|identified|login|connect/i;

/** The secret of a name, or the path of a file that holds it. */
export function redactValue(name: string, value: string): string {
	if (value === "" || value === "-" || (isOftenFile(name) && FILE.test(value))) return value;
	/* The working directory: PWD=/home, OLDPWD. */
	return /^(?:OLD)?PWD$/.test(name) && value.startsWith("/") ? value : REDACTED;
}

/** "user:secret" -> "user:***". A name without a secret may be a secret itself: "key:" of Stripe. */
export function redactLogin(login: string, separator = ":"): string {
	const at = login.indexOf(separator);
	/* date -u +%H:%M */
	if (at < 0 || login.startsWith("+")) return redactText(login);
	return at === login.length - 1
		? `${REDACTED}${separator}`
		: `${redactTokens(login.slice(0, at))}${separator}${REDACTED}`;
}

/* A path with an extension, as of a file of keys. */
const FILE =
	/^@?(?:~|\.{1,2})?\/?[\w.@-]+(?:\/[\w.@-]+)*\.(?:pem|key|crt|cer|p12|pfx|jks|json|ya?ml|ini|cfg|conf|txt|cnf|pub|asc|der)$/i;

/* The values of RFC 3986, 3.2.1, also with a "/" in them as people write. After a port there is no userinfo. */
const URL_LOGIN =
	/\b([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s:/?#@"'<>]*):(?!\d{1,5}(?:[/?#]|$))([^\s@"'<>]*(?:@[^\s@/?#"'<>]*(?=@))*)@/gi;
const URL_USER = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s:/?#@"'<>]+)@/gi;
/* Without a scheme: user:secret@host. */
const BARE_LOGIN = /(?<![\w.%+:/@-])([\w.%+-]+(?:\/[\w.%+-]+)?):([^\s@/:"'<>=]+)@(?=[\w[])/g;
/* jdbc:oracle:thin:user/secret@host */
const ORACLE_LOGIN = /\b(thin:\w+)\/[^@\s]+@/g;
/* [characters] Longer users of URLs without a secret are tokens, and over HTTP all of them. */
const LONGEST_USER = 24;

function redactUserinfo(text: string): string {
	if (!text.includes("@")) return text;
	return text
		.replace(ORACLE_LOGIN, `$1/${REDACTED}@`)
		.replace(URL_LOGIN, (_all, scheme: string, user: string, secret: string) => {
			const isUser = user.length <= LONGEST_USER && secret !== "" && secret !== "x-oauth-basic";
			return `${scheme}${isUser || user === "" ? user : REDACTED}:${REDACTED}@`;
		})
		.replace(URL_USER, (all, scheme: string, user: string) =>
			user.length <= LONGEST_USER && !/^https?:/i.test(scheme) ? all : `${scheme}${REDACTED}@`,
		)
		.replace(BARE_LOGIN, `$1:${REDACTED}@`);
}

/* Statements of MySQL, MariaDB, PostgreSQL, SQL Server, Oracle and ClickHouse, and calls with a literal. */
const SQL =
	/\b((?:IDENTIFIED\s+(?:WITH\s+\S+\s+)?(?:BY|AS)|PASSWORD(?:\s+FOR\s+\S+)?|PASSWD|SECRET|TOKEN)(?:\s*[=(]\s*|\s+))(?!['"]\*\*\*)(?:N?'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?)/gi;

/* A call with a user and a secret: login("user", "secret"), auth=("user", "secret"). */
const CALL =
	/\b((?:auth|login|connect|authenticate|\w*BasicAuth|basic_auth)\s*=?\s*\(\s*(?:"[^"]*"|'[^']*')\s*,\s*)(?!['"]?\*\*\*)(?:"[^"]*"?|'[^']*'?)/gi;

/* A key, perhaps quoted, perhaps with the quotes escaped; then "=", ":" or "=>". */
const KEY = /(\\*["'])?([A-Za-z_][\w.-]{0,80})(?:\[\w*\])?(\\*["'])?(\s*(?:=>|:=|=(?!=)|:)\s*)/g;
/* Before ":" without a space, other names are hosts, images and volumes: "pass:secret" of openssl, "vault-token:8200". */
const COLON_NAMES = /^(?:pass|password|passwd|pwd|token|secret|apikey|key|hexkey)$/i;

function redactAssignments(text: string): string {
	let result = "";
	let done = 0;
	for (const found of text.matchAll(KEY)) {
		const [all, , name = "", quote, separator = ""] = found;
		if (found.index < done || !isSecretKey(text, found.index, name, separator, quote !== undefined)) continue;
		const start = found.index + all.length;
		const end = endOfValue(text, start, separator.includes(":") && !separator.includes("="), quote !== undefined);
		const value = text.slice(start, end);
		if (DONE.test(value) || value.startsWith("(") || redactValue(name, value) === value) continue;
		result += text.slice(done, start) + REDACTED;
		done = end;
	}
	return result + text.slice(done);
}

/* REDACTED, perhaps in quotes. */
const DONE = /^\\*["']?\*\*\*/;

function isSecretKey(text: string, at: number, name: string, separator: string, isQuoted: boolean): boolean {
	if (separator === ":" && !isQuoted) return COLON_NAMES.test(name) && text[at - 1] !== "/" && text[at - 1] !== "-";
	const before = text[at - 1] ?? "";
	/* The first parameter of a form has no "?" or "&" before it. */
	const isParameter = before === "?" || before === "&" || (at === 0 && separator === "=" && /^[^\s]*&/.test(text));
	return isParameter ? isSecretParameter(name) : isSecretName(name);
}

function endOfValue(text: string, start: number, isHeader: boolean, isJson: boolean): number {
	const quote = /^\\*["']/.exec(text.slice(start, start + 4))?.[0];
	if (quote !== undefined) {
		const close = closing(text, start + quote.length, quote);
		return isJson ? close : endOfWord(text, close);
	}
	if (!isHeader || isJson) return endOfWord(text, start);
	const end = /["'\n]/.exec(text.slice(start));
	return end === null ? text.length : start + end.index;
}

function closing(text: string, from: number, quote: string): number {
	for (let at = from; at < text.length; at++) {
		if (text.startsWith(quote, at)) return at + quote.length;
		if (text[at] === "\\" && quote.length === 1) at++;
	}
	return text.length;
}

function endOfWord(text: string, from: number): number {
	let at = from;
	while (at < text.length && !/[\s&;|"'`<>)]/.test(text[at] ?? "")) at += text[at] === "\\" ? 2 : 1;
	return Math.min(at, text.length);
}
