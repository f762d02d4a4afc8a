import type { HistorySort } from "../store/history.ts";
import type { Connection } from "./connection.ts";
import { FilterError } from "./filter.ts";

export interface Order {
	readonly value: (connection: Connection) => number;
	readonly down: boolean;
}

/** Place of a record: the value that it is sorted by, then its id. */
export type Key = readonly [value: number, id: number];

export const ORDERS: Readonly<Record<HistorySort, Order>> = {
	"-first": { value: (connection) => connection.first, down: true },
	first: { value: (connection) => connection.first, down: false },
	"-last": { value: (connection) => connection.last, down: true },
	"-bytesOut": { value: (connection) => connection.bytesOut, down: true },
	"-bytesIn": { value: (connection) => connection.bytesIn, down: true },
};

export function keyOf(connection: Connection, { value }: Order): Key {
	return [value(connection), connection.id];
}

export function isBehind(connection: Connection, after: Key, order: Order): boolean {
	return compare(keyOf(connection, order), after, order.down) > 0;
}

export function inOrder(order: Order): (a: Connection, b: Connection) => number {
	return (a, b) => compare(keyOf(a, order), keyOf(b, order), order.down);
}

export function writeCursor([value, id]: Key, sort: HistorySort): string {
	return Buffer.from(JSON.stringify([sort, value, id])).toString("base64url");
}

export function readCursor(text: string, sort: HistorySort): Key {
	try {
		const [of, value, id] = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
		if (of === sort && typeof value === "number" && typeof id === "number") return [value, id];
	} catch {
		/* said below */
	}
	throw new FilterError("cursor", text.slice(0, 40), "the next of a page with the same sort");
}

function compare(a: Key, b: Key, down: boolean): number {
	const difference = a[0] - b[0] || a[1] - b[1];
	return down ? -difference : difference;
}
