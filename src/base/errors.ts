/**
 * The errors that a user can cause or mend, in one place: the code of each and the exit code that a script sees.
 * test/unit/base/errors.test.ts compares this table with the one in docs/cli.md.
 */
export const EXIT = {
	OK: 0,
	UNEXPECTED: 1,
	USAGE: 2,
	POLICY_INVALID: 3,
	CAPTURE_INVALID: 4,
	NOT_WELL: 5,
	OUTPUT_FAILED: 6,
	NOT_ROOT: 10,
	CAPABILITY_MISSING: 11,
	KERNEL_TOO_OLD: 12,
	NO_CGROUP2: 14,
	NO_ADDON: 15,
	NO_BPFFS: 16,
	KERNEL_REFUSED: 17,
	BAD_CGROUP: 18,
	ALREADY_RUNNING: 19,
	LISTEN_FAILED: 20,
	NOT_LOOPBACK: 21,
	/* Not 13: Node itself exits with 13 if the event loop ends before main.ts. */
	NO_BTF: 22,
	DAEMON_UNREACHABLE: 30,
	DAEMON_REFUSED: 31,
} as const;

export type ErrorCode = keyof typeof EXIT;

/** An expected failure: a message for a user, an exit code and, where a remedy is known, a hint. */
export class SallyportError extends Error {
	readonly code: ErrorCode;
	readonly exitCode: number;
	/** The remedy, or null. */
	readonly hint: string | null;

	constructor(code: ErrorCode, message: string, hint: string | null = null, cause?: unknown) {
		super(message, cause === undefined ? undefined : { cause });
		this.name = "SallyportError";
		this.code = code;
		this.exitCode = EXIT[code];
		this.hint = hint;
	}
}

/** The message of any thrown value, followed by the hint of a SallyportError. */
export function sentence(error: unknown): string {
	if (error instanceof SallyportError) return error.hint === null ? error.message : `${error.message} ${error.hint}`;
	return error instanceof Error ? error.message : String(error);
}

/** The exit code of any thrown value; EXIT.UNEXPECTED unless it is a SallyportError. */
export function exitCodeOf(error: unknown): number {
	return error instanceof SallyportError ? error.exitCode : EXIT.UNEXPECTED;
}

/**
 * The `code` of an error of Node or of the addon, such as "ENOENT"; null if it has none. Node has no class for system
 * errors, so this is the only function that reads the property by name.
 */
export function errorCodeOf(error: unknown): string | null {
	const code = error instanceof Error && "code" in error ? error.code : null;
	return typeof code === "string" ? code : null;
}
