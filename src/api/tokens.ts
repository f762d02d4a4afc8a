import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { SallyportError } from "../base/errors.ts";

/** Bearer tokens: one a line, so that an old one can go on while a new one is handed out. */
export class Tokens {
	readonly #hashes: readonly Buffer[];

	constructor(tokens: readonly string[]) {
		this.#hashes = tokens.map(hash);
	}

	/** In the same time whatever is asked: hashes have one length, and each is compared. */
	has(token: string): boolean {
		const asked = hash(token);
		let found = false;
		for (const each of this.#hashes) if (timingSafeEqual(each, asked)) found = true;
		return found;
	}
}

export function readTokens(file: string): Tokens {
	let text: string;
	try {
		if ((statSync(file).mode & 0o007) !== 0) throw new Error("others may use it; chmod o= it");
		text = readFileSync(file, "utf8");
	} catch (error) {
		throw unusable(file, (error as Error).message);
	}
	const tokens = text.split("\n").map((line) => line.trim());
	const given = tokens.filter((line) => line !== "" && !line.startsWith("#"));
	if (given.length === 0) throw unusable(file, "there is no token in it");
	if (given.some((token) => token.length < SHORTEST || /\s/.test(token))) {
		throw unusable(file, `a token is a line of ${SHORTEST} characters or more without spaces`);
	}
	return new Tokens(given);
}

const SHORTEST = 16;

function hash(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}

function unusable(file: string, why: string): SallyportError {
	return new SallyportError(
		"USAGE",
		`The token file ${file} cannot be used: ${why}.`,
		`Make one: (umask 077; openssl rand -hex 32 > ${file})`,
	);
}
