/**
 * The keys of the hash table, byte by byte. bpf/policy.h is the contract; the kernel hashes the same.
 * Every function leaves its result in `hash.lo` and `hash.hi`; a result of 0 becomes 1, since 0 is an empty slot.
 *
 *   exe        'e', dev (4 bytes LE), then from the leaf up each component and '/': /usr/bin/curl is "curl/bin/usr/"
 *   user       'i', uid (4 bytes LE)
 *   unit       'u', "agent.service"
 *   container  'c', "0123456789ab" | "name" | "*"
 *   method     'm', the method as sent
 *   cgroup     'g', from the root down each component and '/': "system.slice/agent.service/"
 *   label      'n', the label in lower case
 *   name       'N', the name in lower case, without a trailing dot
 *   shape      words, not bytes: for each of the k rightmost labels, from the right, lo and hi of the label's hash
 *              (or 0x2a and 0 for "*"); then the mask; in the place of the length k | many << 7, and no tail
 */

import { patternShape, SHAPE_STAR } from "./domain.ts";
import type { HalfSipHash } from "./hash.ts";

export function hashExe(hash: HalfSipHash, dev: number, path: string): void {
	start(hash, "e");
	fourBytes(hash, dev);
	const components = path.split("/").filter((component) => component !== "");
	for (const component of components.reverse()) {
		hash.text(component);
		hash.text("/");
	}
	end(hash);
}

export function hashUser(hash: HalfSipHash, uid: number): void {
	start(hash, "i");
	fourBytes(hash, uid);
	end(hash);
}

export function hashUnit(hash: HalfSipHash, name: string): void {
	hashText(hash, "u", name);
}

/** Of the 12 digits, the name or the "*" that stand in the model, or that container.ts finds in a path. */
export function hashContainer(hash: HalfSipHash, name: string): void {
	hashText(hash, "c", name);
}

export function hashMethod(hash: HalfSipHash, method: string): void {
	hashText(hash, "m", method);
}

/** `path` without slashes at its ends. */
export function hashCgroup(hash: HalfSipHash, path: string): void {
	hashText(hash, "g", `${path}/`);
}

/** Of sp_decision.name_hash and the map `names`. `name` in lower case, without a trailing dot. */
export function hashName(hash: HalfSipHash, name: string): void {
	hashText(hash, "N", name);
}

export function hashLabel(hash: HalfSipHash, label: string): void {
	hashText(hash, "n", label);
}

/** The key under which a pattern such as "**.example.com" stands in the table. */
export function hashPattern(hash: HalfSipHash, labels: HalfSipHash, pattern: string): void {
	const { labels: count, mask, many } = patternShape(pattern);
	hash.begin();
	let right = pattern.length;
	for (let i = 0; i < count; i++) {
		const dot = pattern.lastIndexOf(".", right - 1);
		if ((mask >>> i) & 1) {
			hash.word(SHAPE_STAR);
			hash.word(0);
		} else {
			hashPart(labels, pattern, dot + 1, right);
			hash.word(labels.lo);
			hash.word(labels.hi);
		}
		right = dot;
	}
	hash.word(mask);
	hash.finishAs(count | (many << 7));
	never0(hash);
}

/** hashLabel() of a part of an ASCII string, without cutting it out. */
function hashPart(hash: HalfSipHash, text: string, from: number, to: number): void {
	start(hash, "n");
	for (let i = from; i < to; i++) hash.byte(text.charCodeAt(i));
	end(hash);
}

function hashText(hash: HalfSipHash, kind: string, text: string): void {
	start(hash, kind);
	hash.text(text);
	end(hash);
}

function start(hash: HalfSipHash, kind: string): void {
	hash.begin();
	hash.byte(kind.charCodeAt(0));
}

function end(hash: HalfSipHash): void {
	hash.finish();
	never0(hash);
}

function never0(hash: HalfSipHash): void {
	if (hash.lo === 0 && hash.hi === 0) hash.lo = 1;
}

function fourBytes(hash: HalfSipHash, value: number): void {
	for (let shift = 0; shift < 32; shift += 8) hash.byte((value >>> shift) & 0xff);
}
