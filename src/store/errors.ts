/** Why a question to the history has no answer. */
export type HistoryErrorCode =
	/** History is off: `status().failure` says why. */
	| "off"
	/** The file cannot be read now. */
	| "unreadable"
	/** The cursor is not one of ours, or of another sort. */
	| "bad_cursor"
	/** Too many questions wait for the reader. */
	| "busy";

export class HistoryError extends Error {
	readonly code: HistoryErrorCode;

	constructor(code: HistoryErrorCode, message: string) {
		super(message);
		this.name = "HistoryError";
		this.code = code;
	}
}
