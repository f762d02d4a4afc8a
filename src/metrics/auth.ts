import { createHash, timingSafeEqual } from "node:crypto";
import { type PasswordHash, parsePasswordHash, verifyPassword } from "./password.ts";

/** Who may read: anyone if there is neither a token nor a user. */
export interface Credentials {
	/** Digest of the bearer token. */
	readonly token: Buffer | null;
	readonly users: ReadonlyMap<string, PasswordHash>;
}

export type Answer = "yes" | "no" | "busy";

/** Throws Error with a sentence for a person. Null: no such file is wanted. */
export function readCredentials(tokenText: string | null, basicText: string | null): Credentials {
	const token = tokenText?.trim() ?? null;
	if (token !== null && !/^[\x21-\x7e]{16,512}$/.test(token))
		throw new Error("the token must be one line of 16 to 512 printable characters without blanks");
	return { token: token === null ? null : digest(token), users: basicText === null ? new Map() : readUsers(basicText) };
}

export function isOpen({ token, users }: Credentials): boolean {
	return token === null && users.size === 0;
}

/**
 * Checks an Authorization header. What was right once is known again by its digest, so that a slow hash is computed once and
 * not at every scrape; few are computed at a time, so that guesses do not take the machine's time.
 */
export class Gate {
	readonly #credentials: Credentials;
	#known: Buffer | null = null;
	#checking = 0;

	constructor(credentials: Credentials) {
		this.#credentials = credentials;
	}

	async admits(header: string | undefined): Promise<Answer> {
		if (isOpen(this.#credentials)) return "yes";
		if (header === undefined || header.length > LONGEST) return "no";
		const [, scheme = "", value = ""] = /^(\S+) +(\S+)$/.exec(header) ?? [];
		if (scheme.toLowerCase() === "bearer") return this.#bearer(value) ? "yes" : "no";
		return scheme.toLowerCase() === "basic" ? await this.#basic(value) : "no";
	}

	#bearer(value: string): boolean {
		const { token } = this.#credentials;
		return token !== null && timingSafeEqual(digest(value), token);
	}

	async #basic(value: string): Promise<Answer> {
		const seen = digest(value);
		if (this.#known !== null && timingSafeEqual(seen, this.#known)) return "yes";
		const text = Buffer.from(value, "base64").toString("utf8");
		const colon = text.indexOf(":");
		if (colon < 0) return "no";
		if (this.#checking >= MOST_CHECKS) return "busy";
		this.#checking++;
		try {
			/* An unknown user takes as long as a known one. */
			const known = this.#credentials.users.get(text.slice(0, colon));
			const hash = known ?? this.#credentials.users.values().next().value;
			if (hash === undefined) return "no";
			const right = await verifyPassword(text.slice(colon + 1), hash);
			if (!right || known === undefined) return "no";
			this.#known = seen;
			return "yes";
		} finally {
			this.#checking--;
		}
	}
}

const LONGEST = 2_048;
const MOST_CHECKS = 2;

function readUsers(text: string): Map<string, PasswordHash> {
	const users = new Map<string, PasswordHash>();
	for (const [index, line] of text.split("\n").entries()) {
		if (line.trim() === "" || line.startsWith("#")) continue;
		const colon = line.indexOf(":");
		const hash = colon > 0 ? parsePasswordHash(line.slice(colon + 1).trim()) : null;
		if (hash === null) throw new Error(`line ${index + 1} is not USER:HASH; \`sallyport metrics-user\` writes one`);
		users.set(line.slice(0, colon), hash);
	}
	if (users.size === 0) throw new Error("there is no user in it");
	return users;
}

function digest(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}
