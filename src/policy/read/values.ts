/** Access to values that may have the wrong type: the schema reports it, and here the value counts as missing. */
import type { Path } from "./source.ts";

export interface Item {
	readonly value: string | number;
	readonly path: Path;
}

/** Whether a value is a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A mapping; {} for other values. */
export function recordOf(value: unknown): Record<string, unknown> {
	return isRecord(value) ? value : {};
}

/** A list; [] for other values. */
export function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

/** A value, or the values of a list, each with its path. Null: missing. */
export function itemsOf(value: unknown, path: Path): Item[] | null {
	if (value === undefined) return null;
	const items: Item[] = [];
	const take = (item: unknown, itemPath: Path) => {
		if (typeof item === "string" || typeof item === "number") items.push({ value: item, path: itemPath });
	};
	if (Array.isArray(value)) for (const [i, item] of value.entries()) take(item, [...path, i]);
	else take(value, path);
	return items;
}
