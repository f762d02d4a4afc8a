import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { LIMITS } from "../base/config.ts";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MetricsConfig } from "../base/metrics-config.ts";
import { type PasswordHash, parsePasswordHash, verifyPassword } from "./password.ts";

export type PasswordResult = "right" | "wrong" | "busy";

/** The bearer token and the users of the metrics. */
export class Credentials {
	/** Anyone may read, because there is neither a token nor a user. */
	readonly isOpen: boolean;
	/** SHA-256 of the token. */
	readonly #token: Buffer | null;
	readonly #users: ReadonlyMap<string, PasswordHash>;
	/** SHA-256 of the last valid user and password, so that a slow hash is not computed at every scrape. */
	#known: Buffer | null = null;
	#checking = 0;

	constructor(token: string | null, users: ReadonlyMap<string, PasswordHash>) {
		this.#token = token === null ? null : digest(token);
		this.#users = users;
		this.isOpen = token === null && users.size === 0;
	}

	/** In constant time: digests of equal length are compared. */
	isToken(token: string): boolean {
		return this.#token !== null && timingSafeEqual(digest(token), this.#token);
	}

	/** "busy": LIMITS.passwordChecks hashes are being computed, so this one was not. */
	async check(user: string, password: string): Promise<PasswordResult> {
		const given = digest(`${user}:${password}`);
		if (this.#known !== null && timingSafeEqual(given, this.#known)) return "right";
		const expected = this.#users.get(user);
		/* An unknown user takes as long as a known one. */
		const hash = expected ?? this.#users.values().next().value;
		if (hash === undefined) return "wrong";
		if (this.#checking >= LIMITS.passwordChecks) return "busy";
		this.#checking++;
		try {
			if (!(await verifyPassword(password, hash)) || expected === undefined) return "wrong";
			this.#known = given;
			return "right";
		} finally {
			this.#checking--;
		}
	}
}

/** Reads the files of the token and the users. Throws SallyportError USAGE. Warns in `log` about a file that every user of the host can read. */
export function readCredentials({ tokenFile, basicFile }: MetricsConfig, log: Logger | null): Credentials {
	const token = tokenFile === null ? null : fromFile(tokenFile, "--metrics-token-file", log, parseToken);
	const users = basicFile === null ? new Map() : fromFile(basicFile, "--metrics-basic-file", log, parseUsers);
	return new Credentials(token, users);
}

function fromFile<T>(file: string, flag: string, log: Logger | null, parse: (text: string) => T): T {
	try {
		const value = parse(readFileSync(file, "utf8"));
		if ((statSync(file).mode & 0o007) !== 0)
			log?.warn("metrics: every user of this host can access a secret", { file });
		return value;
	} catch (error) {
		throw new SallyportError("USAGE", `${flag} ${file} cannot be used: ${(error as Error).message}.`, null, error);
	}
}

function parseToken(text: string): string {
	const token = text.trim();
	if (!/^[\x21-\x7e]{16,512}$/.test(token))
		throw new Error("a token is one line of 16 to 512 printable ASCII characters without spaces");
	return token;
}

function parseUsers(text: string): Map<string, PasswordHash> {
	const users = new Map<string, PasswordHash>();
	for (const [index, line] of text.split("\n").entries()) {
		if (line.trim() === "" || line.startsWith("#")) continue;
		const colon = line.indexOf(":");
		const hash = colon > 0 ? parsePasswordHash(line.slice(colon + 1).trim()) : null;
		if (hash === null) throw new Error(`line ${index + 1} is not USER:HASH, see \`sallyport metrics-user\``);
		users.set(line.slice(0, colon), hash);
	}
	if (users.size === 0) throw new Error("it has no user");
	return users;
}

function digest(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}
