/**
 * Prefix lists of any size, the same in every run. The loops connect to even addresses of 198.18.0.0/16, which every list
 * contains.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { policy, type TestRule } from "../support/policies.ts";

export const LOOP_PORTS = "20000-20099";

const FIXED = 32_768;

/** A file of `count` distinct prefixes; long lists have a /32 for each address that the loops use. */
export function prefixFile(folder: string, count: number): string {
	const lines = new Set<string>();
	let seed = 123456789;
	const next = () => {
		seed ^= seed << 13;
		seed ^= seed >>> 17;
		seed ^= seed << 5;
		return seed >>> 0;
	};
	if (count > FIXED) for (let at = 0; at < FIXED; at++) lines.add(`198.18.${at >> 7}.${(at & 127) << 1}/32`);
	else lines.add("198.18.0.0/16");
	while (lines.size < count) {
		const length = 22 + (next() % 11);
		const address = (next() & (0xffffffff << (32 - length))) >>> 0;
		const top = address >>> 24;
		if (top !== 0 && top !== 127 && top < 224 && top !== 198) lines.add(`${text(address)}/${length}`);
	}
	const file = join(folder, `prefixes-${count}.txt`);
	writeFileSync(file, `${[...lines].join("\n")}\n`);
	return file;
}

/** Allows connections to the prefixes only. */
export function prefixPolicy(file: string, rules: readonly TestRule[] = []): string {
	return policy({
		rules: [...rules, { name: "listed", to: { cidr: "@big", ports: LOOP_PORTS } }],
		more: { lists: { big: { file } } },
	});
}

function text(address: number): string {
	return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
