/** Which per-CPU counter counts which rule. The numbers outlive a policy: a rule that stays keeps its counter. */

/** SP_RULE_SLOTS in bpf/state.h. */
export const RULE_SLOTS = 2048;

export interface SlotEntry {
	/** ruleKey() of the rule: "group/rule". */
	readonly key: string;
	readonly slot: number;
	/** Generation of the first policy without this rule; null: in force. */
	readonly removed: number | null;
}

export interface Slots {
	/** Kept by the daemon (as JSON) and handed in the next time. */
	readonly entries: readonly SlotEntry[];
	/** Slot of each rule by index. */
	readonly byRule: Uint16Array;
	/** Slots that counted another rule before: their counters must be cleared before the switch. */
	readonly recycled: readonly number[];
}

/**
 * Rules keep the slot of their key; new ones take a slot that was never used, or else the one whose rule is gone longest.
 *
 * @param before `entries` of the last call; [] at first
 * @param keys ruleKey() of each rule by index, at most RULES_MAX; rules of one key share a slot
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
			const gone = oldest.shift();
			if (gone === undefined) throw new RangeError(`no counter slot left for rule "${key}"`);
			byKey.delete(gone.key);
			slot = gone.slot;
			recycled.push(slot);
		}
		byKey.set(key, { key, slot, removed: null });
	}
	return { entries: [...byKey.values()], byRule: Uint16Array.from(keys, (key) => byKey.get(key)!.slot), recycled };
}

/** The lowest at the end. */
function freeSlots(entries: readonly SlotEntry[]): number[] {
	const used = new Set(entries.map((entry) => entry.slot));
	const free: number[] = [];
	for (let slot = RULE_SLOTS - 1; slot >= 0; slot--) if (!used.has(slot)) free.push(slot);
	return free;
}
