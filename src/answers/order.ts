import type { Connection } from "../records/connection.ts";
import type { HistorySort } from "../records/contract.ts";

/** How a sort orders records. */
export interface Order {
	readonly value: (connection: Connection) => number;
	readonly down: boolean;
}

/** Position of a record: the value that it is sorted by, as in the file (times in µs), then its id. */
export type Key = readonly [value: number, id: number];

export const ORDERS: Readonly<Record<HistorySort, Order>> = {
	"-first": { value: ({ id }) => id, down: true },
	first: { value: ({ id }) => id, down: false },
	"-last": { value: ({ last }) => Math.floor(last * 1000), down: true },
	"-bytesOut": { value: (connection) => connection.bytesOut, down: true },
	"-bytesIn": { value: (connection) => connection.bytesIn, down: true },
};

/** The position of a connection. */
export function keyOf(connection: Connection, { value }: Order): Key {
	return [value(connection), connection.id];
}

/** Whether a connection follows the position. */
export function isAfter(connection: Connection, after: Key, order: Order): boolean {
	return compareKeys(keyOf(connection, order), after, order.down) > 0;
}

/** For Array.sort. */
export function inOrder(order: Order): (a: Connection, b: Connection) => number {
	return (a, b) => compareKeys(keyOf(a, order), keyOf(b, order), order.down);
}

/** Negative: `a` comes before `b`. */
export function compareKeys(a: Key, b: Key, down: boolean): number {
	const difference = a[0] - b[0] || a[1] - b[1];
	return down ? -difference : difference;
}
