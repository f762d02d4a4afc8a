import { randomBytes } from "node:crypto";
import type { Config } from "../base/config.ts";
import { SallyportError } from "../base/errors.ts";
import type { Addon, Kernel } from "../native/binding.ts";
import { CONTROL, POLICY_HEAD, POLICY_MAGIC } from "../native/layout.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import type { WatchedCgroup } from "../system/cgroup.ts";

/** Programs loaded or adopted, and told whose they are. */
export function openKernel(addon: Addon, config: Pick<Config, "pins" | "sizes">, watched: WatchedCgroup): Kernel {
	let kernel: Kernel;
	try {
		kernel = addon.load({ pins: config.pins, cgroup: watched.path, sizes: config.sizes });
	} catch (error) {
		throw refusal(error);
	}
	writeControl(kernel, watched.id);
	return kernel;
}

/** After the policy is in its map: from here on the programs decide. */
export function attach(kernel: Pick<Kernel, "attach">): void {
	try {
		kernel.attach();
	} catch (error) {
		throw refusal(error);
	}
}

export interface Inherited {
	/** Of the policy that an earlier daemon left in force; 0: none. */
	readonly generation: number;
	/** Must stay the same while the maps live: names in them are known by hash. */
	readonly hashKey: HashKey;
}

export function inherited(kernel: Pick<Kernel, "readPolicy" | "lookup">): Inherited {
	const rows = kernel.readPolicy();
	const control = kernel.lookup("control", ZERO);
	const controlled = control === null ? 0 : control.readUInt32LE(CONTROL.generation);
	if (rows === null || rows.length < POLICY_HEAD.bytes || rows.readUInt32LE(POLICY_HEAD.magic) !== POLICY_MAGIC) {
		return { generation: controlled, hashKey: readKey(randomBytes(16), 0) };
	}
	return {
		generation: Math.max(controlled, rows.readUInt32LE(POLICY_HEAD.generation)),
		hashKey: keyOfRows(rows),
	};
}

/** The key with which a compiled policy's names are hashed. */
export function keyOfRows(rows: Buffer): HashKey {
	return readKey(rows, POLICY_HEAD.hashKey);
}

function readKey(bytes: Buffer, at: number): HashKey {
	const word = (index: number) => bytes.readUInt32LE(at + 4 * index);
	return [word(0), word(1), word(2), word(3)];
}

const ZERO = Buffer.alloc(4);

/* The whole value is replaced: read it, change what is ours. `generation` belongs to installPolicy, `last_wakeup` to the kernel. */
function writeControl(kernel: Pick<Kernel, "lookup" | "update">, root: number): void {
	const control = kernel.lookup("control", ZERO) ?? Buffer.alloc(CONTROL.bytes);
	control.writeUInt32LE(root, CONTROL.root);
	/* Not 0, and not the number of the daemon before: processes and cgroups are announced to this one anew. */
	control.writeUInt32LE((randomBytes(4).readUInt32LE(0) | 1) >>> 0, CONTROL.announce);
	control.writeUInt32LE(process.pid, CONTROL.daemonPid);
	kernel.update("control", ZERO, control);
}

function refusal(error: unknown): SallyportError {
	const { message, log, step } = error as { message: string; log?: string; step?: string };
	const hint =
		log === undefined || log === ""
			? "The kernel may be missing a feature; see docs/cli.md."
			: `This is a defect: please report the kernel's version with what follows.\n${tail(log)}`;
	return new SallyportError(
		"KERNEL_REFUSED",
		`The kernel refused the programs${step === undefined ? "" : ` (${step})`}: ${message}.`,
		hint,
		error,
	);
}

/* The verifier retells the whole program before it says what is wrong. */
function tail(log: string): string {
	const lines = log.trimEnd().split("\n");
	return lines.length <= LOG_LINES
		? lines.join("\n")
		: `(${lines.length - LOG_LINES} lines before)\n${lines.slice(-LOG_LINES).join("\n")}`;
}

const LOG_LINES = 30;
