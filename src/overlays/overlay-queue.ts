import type { PolicyService } from "../enforce/policy-service.ts";
import type { OverlayChange, OverlayEntry } from "./overlay-record.ts";

type All = ReadonlyMap<string, OverlayEntry>;

/** The result of a step: the overlays after it, and what it changed. */
export interface Operation {
	readonly all: All;
	readonly changes: readonly Pick<OverlayChange, "change" | "by" | "record">[];
}

/** A change of the overlays; it throws to change nothing. */
export type Step = (all: All) => Operation;

export interface OverlayQueueOptions {
	readonly policy: Pick<PolicyService, "layer">;
	readonly all: () => All;
	readonly installed: (all: All, changes: Operation["changes"], generation: number) => void;
}

interface Waiting {
	readonly step: Step;
	readonly done: () => void;
	readonly failed: (error: unknown) => void;
}

/** Compiles the policy once for all changes that wait, so that hundreds at a time take as long as a few. */
export class OverlayQueue {
	readonly #o: OverlayQueueOptions;
	#waiting: Waiting[] = [];
	#running = false;

	constructor(options: OverlayQueueOptions) {
		this.#o = options;
	}

	/** Resolves when the change is in force. Rejects with the error of the step, and as PolicyService.layer() does. */
	add(step: Step): Promise<void> {
		const added = new Promise<void>((done, failed) => this.#waiting.push({ step, done, failed }));
		if (!this.#running) void this.#run();
		return added;
	}

	async #run(): Promise<void> {
		this.#running = true;
		while (this.#waiting.length > 0) await this.#apply(this.#waiting.splice(0));
		this.#running = false;
	}

	async #apply(batch: readonly Waiting[]): Promise<void> {
		const accepted: Waiting[] = [];
		let all: All = new Map();
		const changes: Operation["changes"][number][] = [];
		const next = () => {
			all = this.#o.all();
			for (const waiting of batch) {
				try {
					const result = waiting.step(all);
					all = result.all;
					changes.push(...result.changes);
					accepted.push(waiting);
				} catch (error) {
					waiting.failed(error);
				}
			}
			if (accepted.length === 0) throw new NothingLeft();
			return [...all.values()].flatMap(({ overlay }) => overlay ?? []);
		};
		try {
			await this.#o.policy.layer(next, (generation) => this.#o.installed(all, changes, generation));
			for (const { done } of accepted) done();
		} catch (error) {
			if (error instanceof NothingLeft) return;
			/* One that is beyond a limit must not keep others out. */
			if (error instanceof RangeError && accepted.length > 1) for (const one of accepted) await this.#apply([one]);
			else for (const { failed } of accepted.length > 0 ? accepted : batch) failed(error);
		}
	}
}

/** No change is left to be made. */
class NothingLeft extends Error {}
