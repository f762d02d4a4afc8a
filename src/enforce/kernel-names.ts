import { packAddress, packedBytes } from "../base/address.ts";
import type { ReverseLookup } from "../connections/reverse-lookup.ts";
import type { Kernel } from "../native/binding.ts";
import { hashKey, readUnsigned64 } from "../native/fields.ts";
import { LEARNED, LEARNED_KEY, NAME, NAME_MAX, NAMES_PER_ADDRESS } from "../native/layout.ts";
import { learnedKey, NETNS_ANY } from "../native/learned-key.ts";
import type { Clock } from "../system/clock.ts";

/** Copies the names that the kernel learned while no daemon ran: names by hash, and the names of addresses. */
export function seedNames(kernel: Pick<Kernel, "dump">, names: ReverseLookup): void {
	const texts = kernel.dump("names");
	for (let index = 0; index < texts.count; index++) {
		const text = nameText(texts.values.subarray(index * NAME.bytes, (index + 1) * NAME.bytes));
		if (text !== null) names.remember(hashKey(viewOf(texts.keys), index * 8), text);
	}
	for (const map of ["learned", "covered"] as const) {
		const learned = kernel.dump(map);
		const view = viewOf(learned.values);
		for (let index = 0; index < learned.count; index++) {
			const known = slotsOf(view, index * LEARNED.bytes, names).sort((a, b) => a.expires - b.expires);
			const at = index * LEARNED_KEY.bytes + LEARNED_KEY.address;
			const address = learned.keys.toString("latin1", at, at + 16);
			for (const { hash, name } of known) names.answered(address, { name, hash, pid: 0, start: 0, shared: true });
		}
	}
}

/** A name by the 8 bytes of its hash, from the kernel; null if it was evicted. */
export function lookupName(kernel: Pick<Kernel, "lookup">, hash: Buffer): string | null {
	const value = kernel.lookup("names", hash);
	return value === null ? null : nameText(value);
}

export interface LearnedName {
	readonly name: string;
	/** Wall clock [ms]. */
	readonly until: number;
}

/**
 * Unexpired names that the kernel holds for an address in any of the network namespaces, the longest-lived first.
 * `netns`: their cookies.
 */
export function learnedNames(
	kernel: Pick<Kernel, "lookup">,
	names: ReverseLookup,
	clock: Clock,
	netns: Iterable<number>,
	address: string,
): LearnedName[] {
	const packed = packAddress(address);
	if (packed === null) return [];
	const bytes = packedBytes(packed);
	const now = clock.monotonic();
	const until = new Map<string, number>();
	for (const each of [NETNS_ANY, ...netns]) {
		for (const map of ["covered", "learned"] as const) {
			const value = kernel.lookup(map, learnedKey(each, bytes));
			if (value === null) continue;
			for (const { name, expires, flags } of slotsOf(viewOf(value), 0, names))
				if (expires >= now && flags === 0) until.set(name, Math.max(expires, until.get(name) ?? 0));
		}
	}
	return [...until]
		.map(([name, expires]) => ({ name, until: expires / 1e6 + clock.offset() }))
		.sort((a, b) => b.until - a.until);
}

interface Slot {
	readonly hash: number;
	readonly name: string;
	/** CLOCK_MONOTONIC [ns]. */
	readonly expires: number;
	/** enum sp_slot_flag. */
	readonly flags: number;
}

/* The used slots of a value of map `covered` or `learned` whose names are known here. */
function slotsOf(view: DataView, at: number, names: ReverseLookup): Slot[] {
	const slots: Slot[] = [];
	for (let slot = 0; slot < NAMES_PER_ADDRESS; slot++) {
		const hash = hashKey(view, at + LEARNED.name + slot * 8);
		const name = hash === 0 ? null : names.text(hash);
		if (name === null) continue;
		const expires = readUnsigned64(view, at + LEARNED.expires + slot * 8);
		slots.push({ hash, name, expires, flags: view.getUint8(at + LEARNED.flags + slot) });
	}
	return slots;
}

function nameText(value: Buffer): string | null {
	const length = Math.min(value.readUInt16LE(NAME.textLength), NAME_MAX);
	return length === 0 ? null : value.toString("latin1", NAME.text, NAME.text + length);
}

/* An empty buffer of the addon has no memory, which DataView refuses. */
function viewOf(buffer: Buffer): DataView {
	if (buffer.length === 0) return new DataView(new ArrayBuffer(0));
	return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
