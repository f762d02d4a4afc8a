import { RULE_SLOTS } from "../../native/layout.ts";

/** A rule's slot in the map `rules`. A rule that stays in the policy keeps its slot, and so its counters. */
export interface SlotEntry {
	/** ruleKey() of the rule: "group/rule". */
	readonly key: string;
	readonly slot: number;
	/** Generation of the first policy without the rule; null: the policy has it. */
	readonly removed: number | null;
}

export interface Slots {
	/** The daemon stores them as JSON and passes them to the next call. */
	readonly entries: readonly SlotEntry[];
	/** Slot of each rule, by the rule's index. */
	readonly byRule: Uint16Array;
	/**
	 * Slots of removed rules that were given to others. Their counters must be cleared before the policy is installed.
	 */
	readonly recycled: readonly number[];
}

/**
 * Assigns a slot to each rule. Known rules keep theirs. New rules take an unused slot, else that of the rule removed
 * longest ago. Throws RangeError if all RULE_SLOTS slots belong to rules of this policy.
 *
 * @param before `entries` of the last call; [] for the first
 * @param keys ruleKey() of each rule, by its index; rules with the same key share a slot
 */
export function assignSlots(before: readonly SlotEntry[], keys: readonly string[], generation: number): Slots {
	const live = new Set(keys);
	const kept = before.map((entry) =>
		live.has(entry.key) ? { ...entry, removed: null } : { ...entry, removed: entry.removed ?? generation },
	);
	const byKey = new Map(kept.map((entry) => [entry.key, entry]));
	const free = freeSlots(kept);
	const oldest = kept
		.filter((entry) => entry.removed !== null)
		.sort((a, b) => a.removed! - b.removed! || a.slot - b.slot);
	const recycled: number[] = [];
	for (const key of keys) {
		if (byKey.has(key)) continue;
		let slot = free.pop();
		if (slot === undefined) {
			const removed = oldest.shift();
			if (removed === undefined) throw new RangeError(`no counter slot is left for rule "${key}"`);
			byKey.delete(removed.key);
			slot = removed.slot;
			recycled.push(slot);
		}
		byKey.set(key, { key, slot, removed: null });
	}
	return { entries: [...byKey.values()], byRule: Uint16Array.from(keys, (key) => byKey.get(key)!.slot), recycled };
}

/** Unused slots, the lowest last. */
function freeSlots(entries: readonly SlotEntry[]): number[] {
	const used = new Set(entries.map((entry) => entry.slot));
	const free: number[] = [];
	for (let slot = RULE_SLOTS - 1; slot >= 0; slot--) if (!used.has(slot)) free.push(slot);
	return free;
}
