import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PHASES, RULE_SLOTS } from "../native/layout.ts";
import type { SlotEntry, Slots } from "../policy/compile/slots.ts";

const WORDS = RULE_SLOTS * PHASES * 2;

/**
 * Assigns slots of the kernel's per-CPU counters to rules, across reloads and restarts. The count of a slot that is
 * reassigned stays in the kernel, so the count at that moment is saved here and subtracted.
 */
export class SlotBook {
	entries: readonly SlotEntry[] = [];
	readonly #base = new BigUint64Array(WORDS);
	readonly #file: string | null;

	/** `file`: null: in memory only. */
	constructor(file: string | null) {
		this.#file = file;
	}

	/**
	 * Reads what an earlier daemon saved. `sum`: the counters of adopted maps; null: new maps, which begin at 0. Without
	 * the file adopted counts cannot be attributed, and begin at 0 too.
	 */
	restore(sum: BigUint64Array | null): void {
		const saved = this.#file === null ? null : readSaved(this.#file);
		if (saved !== null) this.entries = saved.entries;
		if (sum === null) return;
		if (saved === null) this.#base.set(sum.subarray(0, WORDS));
		else for (const [index, value] of saved.base) if (index < WORDS) this.#base[index] = value;
	}

	/** Saves the slots of the policy that came into force. `sum`: reads the counters. Throws system errors. */
	commit({ entries, recycled }: Pick<Slots, "entries" | "recycled">, sum: () => BigUint64Array): void {
		this.entries = entries;
		if (recycled.length > 0) this.#rebase(recycled, sum());
		this.#save();
	}

	/** Enforced and observed decisions of a slot in one phase. */
	count(sum: BigUint64Array, slot: number, phase: number): { readonly enforced: number; readonly observed: number } {
		const at = (slot * PHASES + phase) * 2;
		return { enforced: this.#since(sum, at), observed: this.#since(sum, at + 1) };
	}

	#since(sum: BigUint64Array, at: number): number {
		const now = sum[at] ?? 0n;
		const base = this.#base[at] ?? 0n;
		return Number(now >= base ? now - base : now);
	}

	#rebase(slots: readonly number[], sum: BigUint64Array): void {
		for (const slot of slots) {
			for (let at = slot * PHASES * 2; at < (slot + 1) * PHASES * 2; at++) this.#base[at] = sum[at] ?? 0n;
		}
	}

	#save(): void {
		if (this.#file === null) return;
		const base: [number, string][] = [];
		this.#base.forEach((value, index) => {
			if (value !== 0n) base.push([index, value.toString()]);
		});
		mkdirSync(dirname(this.#file), { recursive: true, mode: 0o750 });
		const draft = `${this.#file}.new`;
		writeFileSync(draft, JSON.stringify({ version: 1, entries: this.entries, base }), { mode: 0o640 });
		renameSync(draft, this.#file);
	}
}

function readSaved(file: string): { entries: SlotEntry[]; base: [number, bigint][] } | null {
	try {
		const saved = JSON.parse(readFileSync(file, "utf8")) as {
			version: unknown;
			entries: SlotEntry[];
			base: [number, string][];
		};
		if (saved.version !== 1 || !saved.entries.every(isEntry)) return null;
		return { entries: saved.entries, base: saved.base.map(([index, value]) => [index, BigInt(value)]) };
	} catch {
		/* Without a valid file the counts begin at 0. */
		return null;
	}
}

function isEntry(entry: SlotEntry): boolean {
	const { key, slot, removed } = entry;
	return (
		typeof key === "string" &&
		Number.isInteger(slot) &&
		slot >= 0 &&
		slot < RULE_SLOTS &&
		(removed === null || Number.isInteger(removed))
	);
}
