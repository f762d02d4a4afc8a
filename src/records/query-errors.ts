/** A filter, limit or other parameter has a value that is not of its form. */
export class FilterError extends Error {
	/** The parameter as it is called in a query: "port", "not-name". */
	readonly parameter: string;

	constructor(parameter: string, value: string, expected: string) {
		super(value === "" ? `${parameter} is empty; expected ${expected}` : `${parameter} "${value}" is not ${expected}`);
		this.name = "FilterError";
		this.parameter = parameter;
	}
}

export type HistoryErrorCode =
	/** There is no history: `status().failure` gives the reason. */
	| "off"
	/** The file cannot be read at present. */
	| "unreadable"
	/** The cursor belongs to another sort, or did not come from an earlier page. */
	| "bad_cursor"
	/** The reader's queue is full. */
	| "busy"
	/** The query took too long and was ended. */
	| "too_slow"
	/** The caller has gone. */
	| "gone";

/** A query of the history that has no answer. */
export class HistoryError extends Error {
	readonly code: HistoryErrorCode;

	constructor(code: HistoryErrorCode, message: string) {
		super(message);
		this.name = "HistoryError";
		this.code = code;
	}
}
