/** What the kernel or the addon refused. Made by native/js.cc, and by addon.ts for arguments that make no sense. */
export class NativeError extends Error {
	/** The errno's name: EPERM, EINVAL, ... */
	readonly code: string;
	/** What was being done: "load", "attach sp_connect4", "pin /sys/fs/bpf/...". */
	readonly step: string;
	/** What libbpf and the verifier said of a rejected program, or "". */
	readonly log: string;

	constructor(message: string, code: string, step: string, log: string) {
		super(message);
		this.name = "NativeError";
		this.code = code;
		this.step = step;
		this.log = log;
	}
}
