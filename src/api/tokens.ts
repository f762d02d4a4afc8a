import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { SallyportError } from "../base/errors.ts";

/** Bearer tokens. There may be several, so that an old one stays valid while a new one is distributed. */
export class Tokens {
	readonly #hashes: readonly Buffer[];

	constructor(tokens: readonly string[]) {
		this.#hashes = tokens.map(hash);
	}

	/** Takes the same time for every token: hashes have one length, and all of them are compared. */
	has(token: string): boolean {
		const given = hash(token);
		let found = false;
		for (const each of this.#hashes) if (timingSafeEqual(each, given)) found = true;
		return found;
	}
}

/** Reads a token file: one token per line, `#` begins a comment line. Throws SallyportError USAGE if the file is unusable. */
export function readTokens(file: string): Tokens {
	let text: string;
	try {
		if ((statSync(file).mode & 0o007) !== 0) throw new Error("other users have access to it; run chmod o= on it");
		text = readFileSync(file, "utf8");
	} catch (error) {
		throw unusable(file, (error as Error).message);
	}
	const tokens = text.split("\n").map((line) => line.trim());
	const lines = tokens.filter((line) => line !== "" && !line.startsWith("#"));
	if (lines.length === 0) throw unusable(file, "it has no token");
	if (lines.some((token) => token.length < SHORTEST || /\s/.test(token))) {
		throw unusable(file, `a token must have at least ${SHORTEST} characters and no spaces`);
	}
	return new Tokens(lines);
}

/** Characters. */
const SHORTEST = 16;

function hash(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}

function unusable(file: string, why: string): SallyportError {
	return new SallyportError(
		"USAGE",
		`The token file ${file} cannot be used: ${why}.`,
		`To create one: (umask 077; openssl rand -hex 32 > ${file})`,
	);
}
