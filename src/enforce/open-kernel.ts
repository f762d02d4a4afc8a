import { randomBytes } from "node:crypto";
import type { Packed } from "../base/address.ts";
import type { Config } from "../base/config.ts";
import { SallyportError, sentence } from "../base/errors.ts";
import { type Addon, type Kernel, NativeError } from "../native/binding.ts";
import { CONTROL, POLICY_HEAD, POLICY_MAGIC } from "../native/layout.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import type { WatchedCgroup } from "../system/cgroup.ts";
import { installedResolvers, installResolvers } from "./resolvers.ts";

/**
 * Adopts the pinned programs, or loads new ones, and writes the watched cgroup to their map. Throws SallyportError
 * KERNEL_REFUSED.
 */
export function openKernel(addon: Addon, config: Pick<Config, "pins" | "sizes">, watched: WatchedCgroup): Kernel {
	const kernel = refusing(() => addon.load({ pins: config.pins, cgroup: watched.path, sizes: config.sizes }));
	writeControl(kernel, watched.id);
	return kernel;
}

/**
 * Attaches the programs, which judge every packet from here on: the policy must be in its map. Throws SallyportError
 * KERNEL_REFUSED.
 */
export function attach(kernel: Pick<Kernel, "attach">): void {
	refusing(() => kernel.attach());
}

/** State that an earlier daemon left in the kernel. */
export interface Inherited {
	/** Generation of the policy in force; 0: none. */
	readonly generation: number;
	/** Names in the maps are hashed with this key, so it stays the same while the maps live. */
	readonly hashKey: HashKey;
	/** The compiled policy in force; null: none. */
	readonly rows: Buffer | null;
	readonly resolvers: ReadonlySet<Packed>;
}

/** Reads the state that a previous daemon left. The hash key is a new random one if there is none. */
export function inherited(kernel: Pick<Kernel, "readPolicy" | "lookup" | "dump">): Inherited {
	const rows = kernel.readPolicy();
	const control = kernel.lookup("control", ZERO);
	const controlled = control === null ? 0 : control.readUInt32LE(CONTROL.generation);
	const resolvers = installedResolvers(kernel);
	if (rows === null || !isPolicy(rows))
		return { generation: controlled, hashKey: readKey(randomBytes(16), 0), rows: null, resolvers };
	const generation = Math.max(controlled, rows.readUInt32LE(POLICY_HEAD.generation));
	return { generation, hashKey: keyOfRows(rows), rows: Buffer.from(rows), resolvers };
}

/** Puts the inherited policy and resolvers back in force. Does nothing if there was no policy. */
export function restore(
	kernel: Pick<Kernel, "installPolicy" | "dump" | "update" | "remove">,
	{ rows, generation, resolvers }: Inherited,
): void {
	if (rows === null || generation === 0) return;
	installResolvers(kernel, resolvers);
	kernel.installPolicy(rows, generation);
}

/** The key with which the names of a compiled policy are hashed. */
export function keyOfRows(rows: Buffer): HashKey {
	return readKey(rows, POLICY_HEAD.hashKey);
}

/** True for the bytes of a compiled policy. */
export function isPolicy(rows: Buffer): boolean {
	return rows.length >= POLICY_HEAD.bytes && rows.readUInt32LE(POLICY_HEAD.magic) === POLICY_MAGIC;
}

function readKey(bytes: Buffer, at: number): HashKey {
	const word = (index: number) => bytes.readUInt32LE(at + 4 * index);
	return [word(0), word(1), word(2), word(3)];
}

/** Writes the id of the watched cgroup, from which the kernel derives paths and units. */
export function writeRoot(kernel: Pick<Kernel, "lookup" | "update">, root: number): void {
	const control = kernel.lookup("control", ZERO);
	if (control === null || control.readUInt32LE(CONTROL.root) === root) return;
	control.writeUInt32LE(root, CONTROL.root);
	kernel.update("control", ZERO, control);
}

const ZERO = Buffer.alloc(4);

/* An update replaces the whole value, so it is read first. installPolicy writes `generation`, the kernel writes
 * `last_wakeup`. */
function writeControl(kernel: Pick<Kernel, "lookup" | "update">, root: number): void {
	const control = kernel.lookup("control", ZERO) ?? Buffer.alloc(CONTROL.bytes);
	control.writeUInt32LE(root, CONTROL.root);
	/* Neither 0 nor the number of an earlier daemon: the kernel then reports each process and cgroup again. */
	control.writeUInt32LE((randomBytes(4).readUInt32LE(0) | 1) >>> 0, CONTROL.announce);
	control.writeUInt32LE(process.pid, CONTROL.daemonPid);
	kernel.update("control", ZERO, control);
}

function refusing<T>(step: () => T): T {
	try {
		return step();
	} catch (error) {
		throw refusal(error);
	}
}

function refusal(error: unknown): SallyportError {
	const { step, log } = error instanceof NativeError ? error : { step: "", log: "" };
	const hint =
		log === ""
			? "The kernel may lack a feature; see docs/cli.md."
			: `This is a bug: please report it with the kernel's version and these lines.\n${tail(log)}`;
	const where = step === "" ? "" : ` (${step})`;
	return new SallyportError(
		"KERNEL_REFUSED",
		`The kernel refused the programs${where}: ${sentence(error)}.`,
		hint,
		error,
	);
}

/* The verifier prints the whole program before the reason. */
function tail(log: string): string {
	const lines = log.trimEnd().split("\n");
	return lines.length <= LOG_LINES
		? lines.join("\n")
		: `(${lines.length - LOG_LINES} earlier lines)\n${lines.slice(-LOG_LINES).join("\n")}`;
}

const LOG_LINES = 30;
