/**
 * The keys of the hash table, byte by byte, as bpf/wire/policy.h defines them. Each function leaves its result in
 * `hash.lo` and `hash.hi`. A result of 0 is replaced by 1, because 0 marks an empty slot.
 *
 *   exe        'e', dev (4 bytes LE), then each component from the leaf up, followed by '/': "curl/bin/usr/"
 *   user       'i', uid (4 bytes LE)
 *   unit       'u', "agent.service"
 *   container  'c', "0123456789ab" | "name" | "*"
 *   method     'm', the method as sent
 *   cgroup     'g', each component from the root down, followed by '/': "system.slice/agent.service/"
 *   label      the label in lower case
 *   shape      words, not bytes: the hash (0x2a for "*") of each of the k rightmost labels, from the right; the
 *              mask as the remaining bytes, and k | many << 7 as the length
 */

import { patternShape, SHAPE_STAR } from "../domain.ts";
import type { SipHash } from "./hash.ts";

/** @param path absolute, inside the file system `dev` */
export function hashExe(hash: SipHash, dev: number, path: string): void {
	start(hash, "e");
	fourBytes(hash, dev);
	const components = path.split("/").filter((component) => component !== "");
	for (const component of components.reverse()) {
		hash.text(component);
		hash.text("/");
	}
	end(hash);
}

/** The key of a user. */
export function hashUser(hash: SipHash, uid: number): void {
	start(hash, "i");
	fourBytes(hash, uid);
	end(hash);
}

/** @param name of the unit's cgroup, "agent.service" */
export function hashUnit(hash: SipHash, name: string): void {
	hashText(hash, "u", name);
}

/** @param name 12 hex digits of an id, a name, or "*" */
export function hashContainer(hash: SipHash, name: string): void {
	hashText(hash, "c", name);
}

/** @param method as sent */
export function hashMethod(hash: SipHash, method: string): void {
	hashText(hash, "m", method);
}

/** @param path without slashes at its ends */
export function hashCgroup(hash: SipHash, path: string): void {
	hashText(hash, "g", `${path}/`);
}

/** @param label in lower case */
export function hashLabel(hash: SipHash, label: string): void {
	hashPart(hash, label, 0, label.length);
}

/** The key of a pattern such as "**.example.com". `labels` hashes its labels. */
export function hashPattern(hash: SipHash, labels: SipHash, pattern: string): void {
	const { labels: count, mask, many } = patternShape(pattern);
	hash.begin();
	let right = pattern.length;
	for (let i = 0; i < count; i++) {
		const dot = pattern.lastIndexOf(".", right - 1);
		if ((mask >>> i) & 1) {
			hash.word(SHAPE_STAR, 0);
		} else {
			hashPart(labels, pattern, dot + 1, right);
			hash.word(labels.lo, labels.hi);
		}
		right = dot;
	}
	hash.finishAs(count | (many << 7), mask);
	never0(hash);
}

/** hashLabel() of a part of an ASCII string, without a copy. */
function hashPart(hash: SipHash, text: string, from: number, to: number): void {
	hash.begin();
	for (let i = from; i < to; i++) hash.byte(text.charCodeAt(i));
	end(hash);
}

function hashText(hash: SipHash, kind: string, text: string): void {
	start(hash, kind);
	hash.text(text);
	end(hash);
}

function start(hash: SipHash, kind: string): void {
	hash.begin();
	hash.byte(kind.charCodeAt(0));
}

function end(hash: SipHash): void {
	hash.finish();
	never0(hash);
}

function never0(hash: SipHash): void {
	if (hash.lo === 0 && hash.hi === 0) hash.lo = 1;
}

function fourBytes(hash: SipHash, value: number): void {
	for (let shift = 0; shift < 32; shift += 8) hash.byte((value >>> shift) & 0xff);
}
