/**
 * Every error that Sallyport tells a person about, in one place: its code, the exit code that a script sees and,
 * where there is something to do, a hint. The table in docs/cli.md is this one (test/unit/base/errors.test.ts).
 */
export const EXIT = {
	OK: 0,
	UNEXPECTED: 1,
	USAGE: 2,
	POLICY_INVALID: 3,
	CAPTURE_INVALID: 4,
	NOT_WELL: 5,
	NOT_ROOT: 10,
	CAPABILITY_MISSING: 11,
	KERNEL_TOO_OLD: 12,
	NO_BTF: 13,
	NO_CGROUP2: 14,
	NO_ADDON: 15,
	NO_BPFFS: 16,
	KERNEL_REFUSED: 17,
	BAD_CGROUP: 18,
	ALREADY_RUNNING: 19,
	LISTEN_FAILED: 20,
	NOT_LOOPBACK: 21,
	DAEMON_UNREACHABLE: 30,
	DAEMON_REFUSED: 31,
} as const;

export type ErrorCode = keyof typeof EXIT;

export class SallyportError extends Error {
	readonly code: ErrorCode;
	readonly exitCode: number;
	/** What to do about it, or null. */
	readonly hint: string | null;

	constructor(code: ErrorCode, message: string, hint: string | null = null, cause?: unknown) {
		super(message, cause === undefined ? undefined : { cause });
		this.name = "SallyportError";
		this.code = code;
		this.exitCode = EXIT[code];
		this.hint = hint;
	}
}

/** One line for a person: what happened, and what to do. */
export function sentence(error: unknown): string {
	if (error instanceof SallyportError) return error.hint === null ? error.message : `${error.message} ${error.hint}`;
	return error instanceof Error ? error.message : String(error);
}

export function exitCodeOf(error: unknown): number {
	return error instanceof SallyportError ? error.exitCode : EXIT.UNEXPECTED;
}
