import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCodeOf, sentence } from "../base/errors.ts";
import type { OverlayRecord } from "./overlay-record.ts";

/** The overlays that a daemon saved. */
export interface SavedOverlays {
	/** The boot to whose clock the ends belong. */
	readonly bootId: string;
	readonly overlays: readonly OverlayRecord[];
}

export function overlayFile(stateDir: string): string {
	return join(stateDir, "overlays.json");
}

/** Replaces the file as a whole, also over a power loss. Throws system errors. */
export function saveOverlays(file: string, saved: SavedOverlays): void {
	mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
	const draft = `${file}.new`;
	const fd = openSync(draft, "w", 0o640);
	try {
		writeSync(fd, `${JSON.stringify({ version: VERSION, ...saved }, null, "\t")}\n`);
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
	renameSync(draft, file);
}

/** Null: there is no file. Throws Error if it cannot be read. */
export function readOverlays(file: string): SavedOverlays | null {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		if (errorCodeOf(error) === "ENOENT") return null;
		throw new Error(`${file} cannot be read: ${sentence(error)}`, { cause: error });
	}
	const saved = parse(text);
	if (saved === null) throw new Error(`${file} is damaged, or another version of Sallyport wrote it`);
	return saved;
}

const VERSION = 1;

function parse(text: string): SavedOverlays | null {
	try {
		const { version, bootId, overlays } = JSON.parse(text) as { version: unknown } & SavedOverlays;
		if (version !== VERSION || typeof bootId !== "string" || !overlays.every(isRecord)) return null;
		return { bootId, overlays };
	} catch {
		return null;
	}
}

function isRecord(record: OverlayRecord): boolean {
	const { name, owner, reason, scope, createdAt, changedAt, until, end, keep, rules } = record;
	return (
		[name, owner, reason, createdAt, changedAt].every((text) => typeof text === "string") &&
		(scope === null || typeof scope === "string") &&
		(until === null ? end === null : Number.isFinite(Date.parse(until)) && Number.isFinite(end)) &&
		typeof keep === "boolean" &&
		Array.isArray(rules)
	);
}
