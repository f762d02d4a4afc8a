/**
 * Ends a statement while it runs. node:sqlite has no sqlite3_interrupt(), and no other thread can stop a call of SQLite.
 * So statements that may read many rows call a function for some of them, and the function throws.
 */
import type { DatabaseSync } from "node:sqlite";

/** A condition that is always true. The function is called for about one row in 251, by an integer column. */
export function going(column: string): string {
	return `(${column} % 251 OR going())`;
}

/** Defines the function. What `check` throws, the statement throws. */
export function defineGoing(database: DatabaseSync, check: () => void = () => {}): void {
	database.function("going", () => {
		check();
		return 1;
	});
}
