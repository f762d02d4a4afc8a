import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/**
 * Two forms: `sha256:HEX`, for long random passwords (`printf %s "$PASSWORD" | sha256sum`), and `scrypt:LN:R:P:SALT:HASH`
 * (base64), RFC 7914, for those that a person chose.
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

export function parsePasswordHash(text: string): PasswordHash | null {
	const plain = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
	if (plain !== undefined) return { kind: "sha256", hash: Buffer.from(plain, "hex") };
	const [, ln, r, p, salt = "", hash = ""] =
		/^scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9+/=]{8,}):([A-Za-z0-9+/=]{22,})$/.exec(text) ?? [];
	const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
	/* What takes more than 64 MB is a mistake, or somebody's attack on the machine. */
	if (!(Number(ln) >= 10 && blockSize > 0 && parallelization > 0 && 128 * cost * blockSize <= MOST_MEMORY)) return null;
	return {
		kind: "scrypt",
		cost,
		blockSize,
		parallelization,
		salt: Buffer.from(salt, "base64"),
		hash: Buffer.from(hash, "base64"),
	};
}

export async function verifyPassword(password: string, expected: PasswordHash): Promise<boolean> {
	if (expected.kind === "sha256") return timingSafeEqual(createHash("sha256").update(password).digest(), expected.hash);
	const { cost, blockSize, parallelization, salt, hash } = expected;
	const options = { cost, blockSize, parallelization, maxmem: 2 * MOST_MEMORY };
	return timingSafeEqual(await derive(password, salt, hash.length, options), hash);
}

/** A line's right side, of the second form. */
export async function hashPassword(password: string): Promise<string> {
	const salt = randomBytes(16);
	const hash = await derive(password, salt, 32, { cost: 2 ** LN, blockSize: 8, parallelization: 1 });
	return `scrypt:${LN}:8:1:${salt.toString("base64")}:${hash.toString("base64")}`;
}

const LN = 14;
const MOST_MEMORY = 64 * 1024 * 1024;

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
