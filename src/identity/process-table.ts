import { BoundedMap } from "../base/bounded.ts";
import type { ProcessEvent } from "../native/event-objects.ts";
import type { EventHead } from "../native/event-views.ts";
import type { KeepArguments } from "./kept-arguments.ts";

/** A process between two execs. An exec makes a new entry, and a record keeps the one that opened its connection. */
export interface ProcessInfo {
	readonly pid: number;
	/** CLOCK_BOOTTIME [ns]. */
	readonly start: number;
	readonly ppid: number;
	readonly uid: number;
	readonly comm: string;
	readonly parentComm: string;
	/** NUL between arguments. As the table's `keepArguments` returns them. */
	readonly args: string;
	/** Device of the executable, from the kernel: (major << 20) | minor; 0: unknown. */
	readonly device: number;
	/** Path of the executable inside its file system, from the kernel: "curl/bin/usr/"; "": unknown. */
	readonly leafFirst: string;
	/** Path of the executable, from /proc; null: the entry is from the kernel. */
	readonly exe: string | null;
}

/** Reads /proc for a process whose event was lost. Null: the process has exited, or the pid belongs to another one. */
export type ProcReader = (pid: number, start: number) => ProcessInfo | null;

export interface ProcessTableOptions {
	readonly limit: number;
	readonly readProc: ProcReader;
	/** Applied before anything keeps the arguments of a process. */
	readonly keepArguments: KeepArguments;
	/**
	 * Limit of reads of /proc in one batch of events, because reads are slow and many are needed when events are lost.
	 */
	readonly readsPerBatch: number;
}

/** Processes by pid, as the kernel announces them. */
export class ProcessTable {
	/** Events whose process was not announced. */
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
			args: this.#options.keepArguments(event.args),
			device: event.dev,
			leafFirst: event.path,
			exe: null,
		});
	}

	/** The process of an event; null: the kernel. `uid` and `comm` are used if nothing else is known of it. */
	of(event: EventHead, uid: number, comm: (() => string) | null): ProcessInfo | null {
		if (event.tgid === 0) return null;
		const known = this.#byPid.get(event.tgid);
		if (known !== undefined && known.start === event.start) return known;
		this.missed++;
		const info = this.#read(event) ?? unknown(event, uid, comm?.() ?? "");
		/* An old event must not replace the process that has the pid now. */
		if (known === undefined || known.start < event.start) this.#byPid.set(event.tgid, info);
		return info;
	}

	#read({ tgid, start }: EventHead): ProcessInfo | null {
		const { readsPerBatch, readProc, keepArguments } = this.#options;
		const read = this.#reads++ < readsPerBatch ? readProc(tgid, start) : null;
		return read === null ? null : { ...read, args: keepArguments(read.args) };
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
