import type { KeptArguments } from "../base/config.ts";
import { TEXT_MAX } from "../native/layout.ts";
import { redactArguments } from "../redact/arguments.ts";

/** The part of a command line that is kept in memory, and so in every record, log and answer. NUL between arguments. */
export type KeepArguments = (args: string) => string;

export function keepArguments(how: KeptArguments): KeepArguments {
	if (how === "none") return () => "";
	if (how === "full") return (args) => args;
	/* Of a longer command line, the kernel and read-proc.ts have only the beginning. */
	return (args) => redactArguments(args, args.length >= ARGS_MAX || Buffer.byteLength(args) >= ARGS_MAX);
}

/** Bytes of a command line. The last byte of the kernel's buffer is unused (SP_ARGS_READ in bpf/who/process.h). */
export const ARGS_MAX = TEXT_MAX - 1;
