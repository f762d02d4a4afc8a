/** The overlays that are left at the start of a daemon. */
import { sentence } from "../base/errors.ts";
import type { Environment } from "../policy/model.ts";
import { overlayOfRecord } from "./check-overlay.ts";
import type { SavedOverlays } from "./overlay-file.ts";
import { entryOf, type OverlayEntry, type OverlayRecord } from "./overlay-record.ts";

export interface BootClock {
	readonly bootId: () => string;
	/** CLOCK_BOOTTIME [ms]. */
	readonly bootTime: () => number;
	/** Wall clock [ms]. */
	readonly now: () => number;
}

export interface Restored {
	readonly entries: readonly OverlayEntry[];
	/** Those that have ended, or that do not stay over a reboot. */
	readonly removed: readonly { readonly record: OverlayRecord; readonly change: "ended" | "dropped" }[];
}

/** After a reboot, overlays without `keep` are dropped, and ends follow the wall clock. */
export function restoreOverlays(
	{ bootId, overlays }: SavedOverlays,
	environment: Environment,
	clock: BootClock,
): Restored {
	const [now, bootTime] = [clock.now(), clock.bootTime()];
	const isSameBoot = bootId === clock.bootId();
	const entries: OverlayEntry[] = [];
	const removed: Restored["removed"][number][] = [];
	for (const saved of overlays) {
		const record = isSameBoot ? saved : { ...saved, end: endOf(saved, now, bootTime) };
		if (record.end !== null && record.end <= bootTime) removed.push({ record, change: "ended" });
		else if (!isSameBoot && !record.keep) removed.push({ record, change: "dropped" });
		else entries.push(restored(record, environment));
	}
	return { entries, removed };
}

function endOf({ until }: OverlayRecord, now: number, bootTime: number): number | null {
	return until === null ? null : bootTime + (Date.parse(until) - now);
}

function restored(record: OverlayRecord, environment: Environment): OverlayEntry {
	try {
		return entryOf(record, overlayOfRecord(record, environment), null);
	} catch (error) {
		return entryOf(record, null, sentence(error));
	}
}
