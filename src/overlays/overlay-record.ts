import { createHash } from "node:crypto";
import type { Overlay } from "../policy/layers.ts";

/** An overlay as it is saved. */
export interface OverlayRecord {
	readonly name: string;
	readonly owner: string;
	readonly reason: string;
	/** Below the watched cgroup; null: everything. */
	readonly scope: string | null;
	/** ISO 8601, UTC. */
	readonly createdAt: string;
	readonly changedAt: string;
	/** The end by the wall clock when it was set, ISO 8601, UTC; null: none. */
	readonly until: string | null;
	/** CLOCK_BOOTTIME [ms]; null: none. This is the end that counts until the next boot. */
	readonly end: number | null;
	readonly keep: boolean;
	readonly rules: readonly unknown[];
}

/** An overlay that the daemon has. */
export interface OverlayEntry {
	readonly record: OverlayRecord;
	/** Null: its rules are no longer valid on this host, and it is not in force. */
	readonly overlay: Overlay | null;
	/** Why it is not in force, or null. */
	readonly problem: string | null;
	readonly etag: string;
}

export interface OverlayChange {
	/** Wall clock [ms]. */
	readonly time: number;
	readonly change: "created" | "changed" | "revoked" | "ended" | "dropped";
	/** The client; null: the daemon. */
	readonly by: string | null;
	readonly record: OverlayRecord;
	/** Of the policy in force since then. */
	readonly generation: number;
}

export function entryOf(record: OverlayRecord, overlay: Overlay | null, problem: string | null): OverlayEntry {
	return { record, overlay, problem, etag: `"${hashOf(JSON.stringify(record))}"` };
}

/** The first 32 hexadecimal digits of SHA-256. */
export function hashOf(text: string): string {
	return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
