import type { Connection } from "../records/connection.ts";
import type { HistorySort } from "../records/contract.ts";

export interface Order {
	readonly value: (connection: Connection) => number;
	readonly down: boolean;
}

/** Place of a record: the value that it is sorted by, as in the file (times in µs), then its id. */
export type Key = readonly [value: number, id: number];

export const ORDERS: Readonly<Record<HistorySort, Order>> = {
	"-first": { value: ({ id }) => id, down: true },
	first: { value: ({ id }) => id, down: false },
	"-last": { value: ({ last }) => Math.floor(last * 1000), down: true },
	"-bytesOut": { value: (connection) => connection.bytesOut, down: true },
	"-bytesIn": { value: (connection) => connection.bytesIn, down: true },
};

export function keyOf(connection: Connection, { value }: Order): Key {
	return [value(connection), connection.id];
}

export function isBehind(connection: Connection, after: Key, order: Order): boolean {
	return compareKeys(keyOf(connection, order), after, order.down) > 0;
}

export function inOrder(order: Order): (a: Connection, b: Connection) => number {
	return (a, b) => compareKeys(keyOf(a, order), keyOf(b, order), order.down);
}

/** Below 0: `a` comes before `b`. */
export function compareKeys(a: Key, b: Key, down: boolean): number {
	const difference = a[0] - b[0] || a[1] - b[1];
	return down ? -difference : difference;
}
