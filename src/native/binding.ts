/**
 * The native addon's surface, typed. C++ trusts what this file hands it; everything is shaped and
 * checked on this side (style: JS validates, C++ trusts).
 */

/** Maps by their name in the BPF object. Layouts: bpf/state.h. */
export type MapName =
	| "policy"
	| "control"
	| "resolvers"
	| "names"
	| "learned"
	| "questions"
	| "processes"
	| "cgroups"
	| "flows"
	| "dns_answers"
	| "counters"
	| "rules"
	| "events";

export interface LoadOptions {
	/** Folder on bpffs that holds (or will hold) the pins. Absolute. */
	readonly pins: string;
	/** cgroup v2 folder to attach to. Absolute. */
	readonly cgroup: string;
	/** max_entries of maps, for a fresh load; adopted maps keep theirs. */
	readonly sizes: Partial<Record<MapName, number>>;
	/** Load and adopt, but attach nothing (BPF_PROG_TEST_RUN). Default false. */
	readonly detached?: boolean;
}

export interface ProgramFacts {
	readonly name: string;
	readonly id: number;
	/** Instructions that the verifier processed (kernel 5.16 and later). */
	readonly verifiedInstructions: number;
	/** From bpf_stats; 0 unless kernel.bpf_stats_enabled. Nanoseconds and runs since load. */
	readonly runTimeNs: bigint;
	readonly runCount: bigint;
}

export interface TestRun {
	readonly retval: number;
	/** Mean of `repeat` runs, nanoseconds. */
	readonly durationNs: number;
	readonly data: Buffer;
}

/** Socket to end with SOCK_DESTROY. Addresses are 16 bytes, IPv4 v4-mapped. */
export interface SocketName {
	readonly protocol: number;
	readonly local: Uint8Array;
	/** 0: not known; the socket is then found by its cookie. */
	readonly localPort: number;
	readonly remote: Uint8Array;
	readonly remotePort: number;
	readonly cookie: bigint;
	/** Path of a network namespace to enter (/proc/PID/ns/net), or null for the daemon's own. */
	readonly netns: string | null;
}

/**
 * The loaded programs and maps. Every method throws NativeError (src/native/error.ts) on failure, with the
 * errno's name as `code` and, for a rejected program, the verifier's log in `log`.
 */
export interface Kernel {
	/** True if pins of the same object were found and taken over; false if programs were loaded. */
	readonly adopted: boolean;
	/** Build an inner map of `rows` (a multiple of 128 bytes), switch to it, then write `generation` to `control`. */
	installPolicy(rows: Uint8Array, generation: number): void;
	/** Size in rows of the policy in force and its content, or null. */
	readPolicy(): Buffer | null;
	/** All keys and values of a map: `count` records of key then value, each padded to 8 bytes. By batch look-up. */
	dump(map: MapName): { readonly keys: Buffer; readonly values: Buffer; readonly count: number };
	/** Entries, counted in another thread. */
	count(map: MapName): Promise<{ readonly entries: number; readonly capacity: number }>;
	/** Per-CPU values are summed as u64 words. */
	lookup(map: MapName, key: Uint8Array): Buffer | null;
	update(map: MapName, key: Uint8Array, value: Uint8Array): void;
	/** False if there was no such key. */
	remove(map: MapName, key: Uint8Array): boolean;
	/** u64 words of a per-CPU array summed over CPUs: counters (320 words), rules (2048 * 4 * 2 words). */
	sum(map: "counters" | "rules"): BigUint64Array;
	/**
	 * Drain the ring from now on, whenever the kernel wakes us. `onBatch` gets one reused buffer: records back to
	 * back, each `head.size` bytes rounded up to 8; it must copy what it keeps. A batch is at most `maxBytes`.
	 * `drain` does the same at once and returns the number of records; it is for the tail that no wake-up announced.
	 */
	start(maxBytes: number, onBatch: (batch: Buffer, length: number) => void): void;
	drain(): number;
	/** Bytes since the ring was made: written by the kernel, and taken out. `taken` is read first. */
	positions(): RingPositions;
	stop(): void;
	programs(): ProgramFacts[];
	testRun(program: string, data: Uint8Array, repeat: number): TestRun;
	/** 0, or the errno: ENOENT if the socket is gone already. Does not block the event loop. */
	destroySocket(socket: SocketName): Promise<number>;
	/**
	 * Attach programs that were loaded, and pin them in place of older ones without a moment between. Fill the maps
	 * first: from here on every packet is judged. Nothing to do after adoption. Without it, `close()` leaves what was in
	 * force before.
	 */
	attach(): void;
	/** Remove links and pins: nothing of Sallyport is left in the kernel once the handles are closed. */
	detach(): void;
	/** Close handles. Pinned programs go on enforcing. */
	close(): void;
}

export interface RingPositions {
	readonly written: number;
	readonly taken: number;
}

/** A program at a hook of a cgroup, whoever attached it. */
export interface AttachedProgram {
	/** As libbpf names it: cgroup_inet_egress. */
	readonly hook: string;
	/** Empty without CAP_SYS_ADMIN. */
	readonly name: string;
	readonly id: number;
}

/** What a folder of pins says of itself, compared with this addon. */
export interface PinsFound {
	readonly layout: number;
	readonly sameLayout: boolean;
	readonly samePrograms: boolean;
	readonly sameCgroup: boolean;
}

export interface Addon {
	/** Adopt the pins, or load; see Kernel.attach(). */
	load(options: LoadOptions): Kernel;
	/**
	 * The kernel's parsers, in user space. `request` (PARSE_REQUEST in layout.ts, at a multiple of 8 bytes) holds the state
	 * so far and is answered in place; `bytes` are what its `at` and `end` count in. Throws NativeError if they are not there.
	 */
	parse(request: Uint8Array, bytes: Uint8Array): void;
	/** Mount bpffs at a folder (made if missing). */
	mountBpffs(path: string): void;
	/** What is pinned there is gone with it. */
	unmountBpffs(path: string): void;
	/** Free heap, and unchanged pages of programs' files, go back to the system. */
	giveBackMemory(): void;
	/**
	 * One datagram to a unix socket; `path` beginning with "@" is abstract. Never waits: NativeError with code EAGAIN if the
	 * receiver's queue is full.
	 */
	sendDatagram(path: string, bytes: Uint8Array): void;
	/** At a cgroup itself, at the hooks that Sallyport uses. */
	attached(cgroup: string): AttachedProgram[];
	/** Null if the folder holds no pins of Sallyport. */
	pins(folder: string, cgroup: string): PinsFound | null;
	/** Takes everything that the folder holds out of the kernel, without loading anything first. */
	removePins(folder: string): void;
	readonly libbpfVersion: string;
}
