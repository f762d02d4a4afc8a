/**
 * The surface of the native addon. addon.ts checks arguments; the C++ side trusts them.
 */
import type { MAPS } from "./layout.ts";

/** A map by its name in the BPF object. Keys and values: bpf/wire/state.h. */
export type MapName = (typeof MAPS)[number];

/**
 * Failure of a system call, of libbpf, or of an argument check. native/js.cc throws it for the first two, addon.ts for
 * the last one with code EINVAL or EBADF and step "arguments".
 */
export class NativeError extends Error {
	/** Name of the errno: EPERM, EINVAL, ... */
	readonly code: string;
	/** The operation that failed: "load", "attach sp_connect4", "pin /sys/fs/bpf/...". */
	readonly step: string;
	/** Messages of libbpf and the verifier for a rejected program, or "". */
	readonly log: string;

	constructor(message: string, code: string, step: string, log: string) {
		super(message);
		this.name = "NativeError";
		this.code = code;
		this.step = step;
		this.log = log;
	}
}

export interface LoadOptions {
	/** Absolute path of the folder on bpffs for the pins. Created if missing. */
	readonly pins: string;
	/** Absolute path of the cgroup v2 folder to attach to. */
	readonly cgroup: string;
	/** max_entries of maps that are created; adopted maps keep theirs. */
	readonly sizes: Partial<Record<MapName, number>>;
	/** Load without attaching, for BPF_PROG_TEST_RUN. Default false. */
	readonly detached?: boolean;
}

export interface ProgramFacts {
	readonly name: string;
	readonly id: number;
	/** Instructions that the verifier processed; 0 before kernel 5.16. */
	readonly verifiedInstructions: number;
	/** Since load [ns]; 0 unless the sysctl kernel.bpf_stats_enabled is set. */
	readonly runTimeNs: bigint;
	/** Since load; 0 unless the sysctl kernel.bpf_stats_enabled is set. */
	readonly runCount: bigint;
}

export interface TestRun {
	readonly retval: number;
	/** Mean of the runs [ns]. */
	readonly durationNs: number;
	readonly data: Buffer;
}

/** A socket to close with SOCK_DESTROY. Addresses have 16 bytes, IPv4 as v4-mapped IPv6 (RFC 4291 2.5.5.2). */
export interface SocketName {
	/** IANA protocol number. */
	readonly protocol: number;
	readonly local: Uint8Array;
	/** 0: unknown; the socket is then looked up by its cookie. */
	readonly localPort: number;
	readonly remote: Uint8Array;
	readonly remotePort: number;
	readonly cookie: bigint;
	/** Path of the network namespace to enter (/proc/PID/ns/net); null: the daemon's own. */
	readonly netns: string | null;
}

/** The loaded programs and maps. Every method throws NativeError. */
export interface Kernel {
	/** True: pins of the same object were adopted. False: the programs were loaded. */
	readonly adopted: boolean;
	/**
	 * Copies `rows` into a new inner map, switches the policy to it, then writes `generation` to the map `control`.
	 *
	 * @param rows a multiple of ROW bytes
	 * @param generation from 1
	 */
	installPolicy(rows: Uint8Array, generation: number): void;
	/** The rows of the policy in force; null: none is installed. */
	readPolicy(): Buffer | null;
	/** All keys and values of a map, by batch lookup. Each is padded to a multiple of 8 bytes. */
	dump(map: MapName): { readonly keys: Buffer; readonly values: Buffer; readonly count: number };
	/** Counts the entries in another thread. */
	count(map: MapName): Promise<{ readonly entries: number; readonly capacity: number }>;
	/** The value of a key; null: no such key. Per-CPU values are summed as u64 words. */
	lookup(map: MapName, key: Uint8Array): Buffer | null;
	update(map: MapName, key: Uint8Array, value: Uint8Array): void;
	/** False: there was no such key. */
	remove(map: MapName, key: Uint8Array): boolean;
	/** The u64 words of a per-CPU array, summed over CPUs: COUNTERS words, or RULE_SLOTS * PHASES * 2 words. */
	sum(map: "counters" | "rules"): BigUint64Array;
	/**
	 * Calls `onBatch` whenever the kernel wakes the reader of the ring.
	 *
	 * @param maxBytes largest batch [bytes]
	 * @param onBatch receives one reused buffer with `length` bytes of records back to back, each `head.size` rounded
	 * up to 8; it must copy what it keeps
	 */
	start(maxBytes: number, onBatch: (batch: Buffer, length: number) => void): void;
	/** Reads one batch now, for records that no wake-up announced. Returns the number of records. */
	drain(): number;
	/**
	 * Bytes written to and read from the ring since it was created. `taken` is read first, so it never exceeds
	 * `written`.
	 */
	positions(): RingPositions;
	/** Closes the reader that start() opened. */
	stop(): void;
	programs(): ProgramFacts[];
	/** BPF_PROG_TEST_RUN. */
	testRun(program: string, data: Uint8Array, repeat: number): TestRun;
	/**
	 * SOCK_DESTROY, outside the event loop's thread. Resolves to 0 or an errno: ENOENT if the socket is closed already.
	 */
	destroySocket(socket: SocketName): Promise<number>;
	/**
	 * Attaches loaded programs and pins them in place of older ones, which stay attached until the new ones are. Fill the maps
	 * first: from here on every packet is judged. Without this call, close() leaves the previous programs in force. After adoption,
	 * and when called again, attaches the programs of linkFaults() and pins what pinFaults() returns.
	 */
	attach(): void;
	/** Programs that are not attached to the cgroup. Code ENOENT if there is no such cgroup. */
	linkFaults(): LinkFault[];
	/** Pins of maps and programs that are missing or not this process's, and the marker. Throws as linkFaults(). */
	pinFaults(): PinFault[];
	/** Removes links and pins. After close() nothing of Sallyport is left in the kernel. */
	detach(): void;
	/** Closes the handles. Pinned programs keep enforcing. */
	close(): void;
}

export interface LinkFault {
	readonly program: string;
	/** `elsewhere`: the link is at another cgroup, or has another program. */
	readonly fault: "unpinned" | "detached" | "elsewhere";
}

export interface PinFault {
	/** Below the folder of the pins: "maps/learned". */
	readonly pin: string;
	/** `replaced`: another object, or a folder, is at its place. */
	readonly fault: "unpinned" | "replaced";
}

/** Bytes since the ring was created. */
export interface RingPositions {
	/** By the kernel. */
	readonly written: number;
	/** By the reader. */
	readonly taken: number;
}

/** A program attached to a cgroup, by any owner. */
export interface AttachedProgram {
	/** libbpf's name of the attach type: cgroup_inet_egress. */
	readonly hook: string;
	/** "" without CAP_SYS_ADMIN. */
	readonly name: string;
	readonly id: number;
}

/** The marker of a folder of pins, compared with this addon. */
export interface PinsFound {
	/** LAYOUT_VERSION of the pins. */
	readonly layout: number;
	readonly sameLayout: boolean;
	readonly samePrograms: boolean;
	readonly sameCgroup: boolean;
}

/** Every function throws NativeError. */
export interface Addon {
	/**
	 * Adopts the pins if they are of the same object, layout and cgroup; otherwise loads the programs. Kernel.attach()
	 * attaches them.
	 */
	load(options: LoadOptions): Kernel;
	/**
	 * Runs one of the kernel's parsers in user space.
	 *
	 * @param request PARSE_REQUEST at a multiple of 8 bytes: the state so far, overwritten with the result
	 * @param bytes the buffer that `at` and `end` of the request index; code EINVAL if they lie outside
	 */
	parse(request: Uint8Array, bytes: Uint8Array): void;
	/** Mounts bpffs at a folder, which is created if missing. */
	mountBpffs(path: string): void;
	/** Unmounts bpffs. The objects pinned there are released. */
	unmountBpffs(path: string): void;
	/** Returns free heap, and unmodified pages of mapped files, to the system. */
	releaseMemory(): void;
	/**
	 * Sends one datagram to a unix socket without blocking. Code EAGAIN if the receiver's queue is full.
	 *
	 * @param path of the socket; a leading "@" stands for an abstract one
	 */
	sendDatagram(path: string, bytes: Uint8Array): void;
	/** The uid with which the other end of a unix socket connected. */
	peerUid(fd: number): number;
	/** Programs attached to the cgroup itself at the hooks that Sallyport uses. */
	attached(cgroup: string): AttachedProgram[];
	/** Null: the folder has no pins of Sallyport. */
	pins(folder: string, cgroup: string): PinsFound | null;
	/** Detaches and removes all that is pinned below the folder, without loading programs. */
	removePins(folder: string): void;
	readonly libbpfVersion: string;
}
