import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/**
 * A password hash in one of two forms:
 * - `sha256:HEX`, for a long random password (`printf %s "$PASSWORD" | sha256sum`)
 * - `scrypt:LN:R:P:SALT:HASH`, for any password: RFC 7914 with N = 2^LN, salt and hash in base64
 */
export type PasswordHash =
	| { readonly kind: "sha256"; readonly hash: Buffer }
	| {
			readonly kind: "scrypt";
			readonly cost: number;
			readonly blockSize: number;
			readonly parallelization: number;
			readonly salt: Buffer;
			readonly hash: Buffer;
	  };

/** Null: the text has neither form, or the hash takes more than MEMORY_MAX to compute. */
export function parsePasswordHash(text: string): PasswordHash | null {
	const plain = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
	if (plain !== undefined) return { kind: "sha256", hash: Buffer.from(plain, "hex") };
	const [, ln, r, p, salt = "", hash = ""] =
		/^scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9+/=]{8,}):([A-Za-z0-9+/=]{22,})$/.exec(text) ?? [];
	const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
	if (!(Number(ln) >= 10 && blockSize > 0 && parallelization > 0 && 128 * cost * blockSize <= MEMORY_MAX)) return null;
	return {
		kind: "scrypt",
		cost,
		blockSize,
		parallelization,
		salt: Buffer.from(salt, "base64"),
		hash: Buffer.from(hash, "base64"),
	};
}

/** Compares in constant time. */
export async function verifyPassword(password: string, expected: PasswordHash): Promise<boolean> {
	if (expected.kind === "sha256") return timingSafeEqual(createHash("sha256").update(password).digest(), expected.hash);
	const { cost, blockSize, parallelization, salt, hash } = expected;
	const options = { cost, blockSize, parallelization, maxmem: 2 * MEMORY_MAX };
	return timingSafeEqual(await derive(password, salt, hash.length, options), hash);
}

/** A hash of the second form with a new salt. */
export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(16);
	const hash = await derive(password, salt, 32, { cost: 2 ** LN, blockSize: 8, parallelization: 1 });
	return `scrypt:${LN}:8:1:${salt.toString("base64")}:${hash.toString("base64")}`;
}

/** N = 2^14: 16 MiB and some 50 ms. */
const LN = 14;
/** [bytes] of one scrypt computation. */
const MEMORY_MAX = 64 * 1024 * 1024;

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
