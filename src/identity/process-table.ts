import { BoundedMap } from "../base/lru.ts";
import type { ProcessEvent } from "../native/event-objects.ts";
import type { EventHead } from "../native/event-views.ts";

/** One program run by one process: an exec makes a new one, and records keep the one that connected. */
export interface ProcessInfo {
	readonly pid: number;
	/** CLOCK_BOOTTIME ns. */
	readonly start: number;
	readonly ppid: number;
	readonly uid: number;
	readonly comm: string;
	readonly parentComm: string;
	/** NUL between arguments. */
	readonly args: string;
	/** How the exe is known: from the kernel (device, and the path leaf first), or as /proc shows it. */
	readonly device: number;
	readonly leafFirst: string;
	readonly exe: string | null;
}

/** /proc, for a process whose event was lost. Null if it is gone or is another one by now. */
export type ProcReader = (pid: number, start: number) => ProcessInfo | null;

export interface ProcessTableOptions {
	readonly limit: number;
	readonly readProc: ProcReader;
	/** Reads of /proc in one batch: when events are being lost there is no time for more. */
	readonly readsPerBatch: number;
}

export class ProcessTable {
	/** Processes whose announcement never came. */
	missed = 0;
	readonly #byPid: BoundedMap<number, ProcessInfo>;
	readonly #options: ProcessTableOptions;
	#reads = 0;

	constructor(options: ProcessTableOptions) {
		this.#options = options;
		this.#byPid = new BoundedMap(options.limit);
	}

	get size(): number {
		return this.#byPid.size;
	}

	beginBatch(): void {
		this.#reads = 0;
	}

	learn(event: ProcessEvent): void {
		this.#byPid.set(event.tgid, {
			pid: event.tgid,
			start: event.start,
			ppid: event.ppid,
			uid: event.uid,
			comm: event.comm,
			parentComm: event.parentComm,
			args: event.args,
			device: event.dev,
			leafFirst: event.path,
			exe: null,
		});
	}

	/** Who an event speaks of; null for the kernel itself. */
	of(event: EventHead, uid: number, comm: (() => string) | null): ProcessInfo | null {
		if (event.tgid === 0) return null;
		const known = this.#byPid.get(event.tgid);
		if (known !== undefined && known.start === event.start) return known;
		this.missed++;
		const read = this.#reads++ < this.#options.readsPerBatch ? this.#options.readProc(event.tgid, event.start) : null;
		const info = read ?? unknown(event, uid, comm?.() ?? "");
		/* An old event must not hide the process that has the number now. */
		if (known === undefined || known.start < event.start) this.#byPid.set(event.tgid, info);
		return info;
	}
}

function unknown(event: EventHead, uid: number, comm: string): ProcessInfo {
	return {
		pid: event.tgid,
		start: event.start,
		ppid: 0,
		uid,
		comm,
		parentComm: "",
		args: "",
		device: 0,
		leafFirst: "",
		exe: null,
	};
}
