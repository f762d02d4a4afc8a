import { LEARNED_KEY } from "./layout.ts";

/** Instead of the cookie of a network namespace: what is learned counts for every namespace. */
export const NETNS_ANY = 0;

interface Place {
	readonly map: "covered" | "learned";
	readonly key: Buffer;
}

/** Where the kernel keeps the names of an address, in its order (bpf/decide/bound.h). `address`: 16 bytes. */
export function learnedKeys(netns: number, address: Uint8Array): readonly Place[] {
	return [
		{ map: "covered", key: learnedKey(netns, address) },
		{ map: "covered", key: learnedKey(NETNS_ANY, address) },
		{ map: "learned", key: learnedKey(netns, address) },
	];
}

export function learnedKey(netns: number, address: Uint8Array): Buffer {
	const key = Buffer.alloc(LEARNED_KEY.bytes);
	key.writeBigUInt64LE(BigInt(netns), LEARNED_KEY.netns);
	key.set(address, LEARNED_KEY.address);
	return key;
}
