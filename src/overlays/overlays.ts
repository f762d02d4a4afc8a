import { randomBytes } from "node:crypto";
import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { UnknownPolicyError } from "../enforce/policy-errors.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { Overlay } from "../policy/layers.ts";
import type { OverlayRequest } from "../policy/read/overlay-request.ts";
import { checkOverlay, OverlayError, type OverlayHost } from "./check-overlay.ts";
import { saveOverlays } from "./overlay-file.ts";
import { type Operation, OverlayQueue } from "./overlay-queue.ts";
import { entryOf, type OverlayChange, type OverlayEntry, type OverlayRecord } from "./overlay-record.ts";
import type { BootClock, Restored } from "./restore-overlays.ts";

export interface OverlaysOptions {
	readonly policy: Pick<PolicyService, "layer" | "generation">;
	readonly restored: Restored;
	/** Null: in memory only. */
	readonly file: string | null;
	readonly host: OverlayHost;
	readonly bootId: BootClock["bootId"];
	readonly log: Logger;
}

/** There is no overlay of this name. */
export class NoOverlayError extends Error {}
/** There is one already. */
export class OverlayExistsError extends Error {}
/** Another overlay than the caller's has this name by now. */
export class StaleOverlayError extends Error {
	readonly etag: string;

	constructor(etag: string) {
		super("the overlay has changed");
		this.etag = etag;
	}
}

/** Whether an overlay with this ETag may be replaced. */
export type Replaces = (etag: string) => boolean;

/** The overlays in force. Each change compiles the policy again, and takes effect as a whole or not at all. */
export class Overlays {
	/** Why changes are not saved, or null. */
	problem: string | null = null;
	readonly #o: OverlaysOptions;
	readonly #queue: OverlayQueue;
	/** The oldest first. */
	#all: ReadonlyMap<string, OverlayEntry>;
	#watchers: ((change: OverlayChange) => void)[] = [];
	/** Changes before the first watcher. */
	readonly #early: OverlayChange[] = [];
	#timer: NodeJS.Timeout | null = null;

	constructor(options: OverlaysOptions) {
		this.#o = options;
		this.#all = new Map(options.restored.entries.map((entry) => [entry.record.name, entry]));
		this.#queue = new OverlayQueue({
			policy: options.policy,
			all: () => this.#all,
			installed: (all, changes, generation) => this.#installed(all, changes, generation),
		});
	}

	/** For PolicyService.begin(). */
	layers(): readonly Overlay[] {
		return [...this.#all.values()].flatMap(({ overlay }) => overlay ?? []);
	}

	/** Those that stay over a reboot. */
	kept(): readonly Overlay[] {
		return [...this.#all.values()].flatMap(({ record, overlay }) => (record.keep ? (overlay ?? []) : []));
	}

	/** The oldest first. */
	list(): readonly OverlayEntry[] {
		const now = this.#o.host.bootTime();
		return [...this.#all.values()].filter(({ record: { end } }) => end === null || end > now);
	}

	get(name: string): OverlayEntry | null {
		return this.list().find(({ record }) => record.name === name) ?? null;
	}

	/** The next end, CLOCK_BOOTTIME [ms]; null: none. */
	get nextEnd(): number | null {
		const ends = this.list().flatMap(({ record: { end } }) => end ?? []);
		return ends.length === 0 ? null : Math.min(...ends);
	}

	/** Seconds until a time of CLOCK_BOOTTIME [ms]. */
	secondsTo(end: number): number {
		return Math.max(0, (end - this.#o.host.bootTime()) / 1000);
	}

	/** Calls the watcher after each change, beginning with those since the start of the daemon. */
	watch(watcher: (change: OverlayChange) => void): void {
		if (this.#watchers.length === 0) for (const change of this.#early.splice(0)) watcher(change);
		this.#watchers.push(watcher);
	}

	/** Called once the first policy is in force: reports what the restart removed, and waits for ends. */
	begin(): void {
		const { restored, policy } = this.#o;
		for (const { record, change } of restored.removed) this.#report(change, null, record, policy.generation);
		for (const { record, problem } of restored.entries)
			if (problem !== null) this.#o.log.error("an overlay is not in force", { overlay: record.name, cause: problem });
		this.#save();
		this.#arm();
	}

	/**
	 * Rejects with OverlayError, OverlayExistsError, and as PolicyService.layer() does.
	 *
	 * @param by the client
	 */
	async create(request: OverlayRequest, by: string): Promise<OverlayEntry> {
		const name = request.name ?? `overlay-${randomBytes(3).toString("hex")}`;
		const { record, overlay } = checkOverlay(request, { name, owner: by, before: null }, this.#o.host);
		const entry = entryOf(record, overlay, null);
		await this.#queue.add((all) => {
			if (all.has(record.name)) throw new OverlayExistsError(`there is an overlay "${record.name}" already`);
			return { all: new Map([...all, [record.name, entry]]), changes: [{ change: "created", by, record }] };
		});
		return entry;
	}

	/** Rejects as create() does, with NoOverlayError and with StaleOverlayError. */
	async change(name: string, request: OverlayRequest, by: string, replaces: Replaces): Promise<OverlayEntry> {
		const before = this.#find(this.list(), name, replaces).record;
		if (request.name !== undefined && request.name !== name) {
			const detail = `an overlay cannot be renamed; its name is "${name}"`;
			throw new OverlayError([{ pointer: "/name", detail }]);
		}
		const { record, overlay } = checkOverlay(request, { name, owner: by, before }, this.#o.host);
		const entry = entryOf(record, overlay, null);
		await this.#queue.add((all) => {
			this.#find([...all.values()], name, replaces);
			/* The new value takes the place of the old one. */
			return { all: new Map(all).set(name, entry), changes: [{ change: "changed", by, record }] };
		});
		return entry;
	}

	/** Rejects as change() does. */
	async remove(name: string, by: string, replaces: Replaces): Promise<void> {
		this.#find(this.list(), name, replaces);
		await this.#queue.add((all) => {
			const { record } = this.#find([...all.values()], name, replaces);
			return { all: without(all, [name]), changes: [{ change: "revoked", by, record }] };
		});
	}

	close(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#watchers = [];
	}

	#find(entries: readonly OverlayEntry[], name: string, replaces: Replaces): OverlayEntry {
		const entry = entries.find(({ record }) => record.name === name);
		if (entry === undefined) throw new NoOverlayError(`there is no overlay "${name}"`);
		if (!replaces(entry.etag)) throw new StaleOverlayError(entry.etag);
		return entry;
	}

	#installed(all: ReadonlyMap<string, OverlayEntry>, changes: Operation["changes"], generation: number): void {
		this.#all = all;
		this.#save();
		for (const { change, by, record } of changes) this.#report(change, by, record, generation);
		this.#arm();
	}

	#report(change: OverlayChange["change"], by: string | null, record: OverlayRecord, generation: number): void {
		const { name, owner, reason, scope, until } = record;
		this.#o.log.info(`overlay ${change}`, { overlay: name, by, owner, reason, scope, until, generation });
		const reported = { time: this.#o.host.now(), change, by, record, generation };
		if (this.#watchers.length === 0) this.#early.push(reported);
		for (const watcher of this.#watchers) watcher(reported);
	}

	/* The overlays are in force already, so a failure to save them (disk full or read-only) is no reason to refuse them. */
	#save(): void {
		const { file, bootId, log } = this.#o;
		if (file === null) return;
		try {
			saveOverlays(file, { bootId: bootId(), overlays: [...this.#all.values()].map(({ record }) => record) });
			this.problem = null;
		} catch (error) {
			this.problem = `overlays cannot be saved, and a restart of the daemon restores the earlier ones: ${sentence(error)}`;
			log.error("overlays cannot be saved", { error });
		}
	}

	/* A timer stands still during suspend, so a long one is cut. */
	#arm(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		const ends = [...this.#all.values()].flatMap(({ record: { end } }) => end ?? []);
		if (ends.length === 0) return;
		const left = Math.min(...ends) - this.#o.host.bootTime();
		this.#timer = setTimeout(() => void this.#end(), Math.min(Math.max(left, 0) + LATE, LOOK));
	}

	/** Removes the overlays that have ended. The kernel has ended them by itself. */
	async #end(): Promise<void> {
		const isOver = ({ record: { end } }: OverlayEntry) => end !== null && end <= this.#o.host.bootTime();
		const remove = (all: ReadonlyMap<string, OverlayEntry>): Operation => {
			const over = [...all.values()].filter(isOver).map(({ record }) => record);
			const names = over.map(({ name }) => name);
			return { all: without(all, names), changes: over.map((record) => ({ change: "ended", by: null, record })) };
		};
		if (![...this.#all.values()].some(isOver)) return this.#arm();
		try {
			await this.#queue.add(remove);
		} catch (error) {
			if (error instanceof UnknownPolicyError) {
				const { all, changes } = remove(this.#all);
				this.#installed(all, changes, this.#o.policy.generation);
				return;
			}
			this.#o.log.error("ended overlays cannot be removed from the policy; the kernel has ended them", { error });
			this.#timer = setTimeout(() => void this.#end(), LOOK);
		}
	}
}

function without(all: ReadonlyMap<string, OverlayEntry>, names: readonly string[]): Map<string, OverlayEntry> {
	return new Map([...all].filter(([name]) => !names.includes(name)));
}

/** After an end, for the resolution of the clock [ms]. */
const LATE = 10;
/** Between looks at the clock [ms]. */
const LOOK = 5_000;
