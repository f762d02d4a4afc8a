/** Real overlays above a real policy, on a kernel in memory and a clock that the test sets. */
import { jsonLogger } from "../../../src/base/logger.ts";
import { buildPolicy, layerPolicy } from "../../../src/enforce/build-policy.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import type { OverlayChange } from "../../../src/overlays/overlay-record.ts";
import { Overlays } from "../../../src/overlays/overlays.ts";
import type { Restored } from "../../../src/overlays/restore-overlays.ts";
import { worldEnvironment } from "../policy/world.ts";
import { FakeKernel } from "./fake-kernel.ts";

export const POLICY = `version: 1
mode: enforce
defaults: { connect: deny }
groups:
  - { name: g, rules: [{ name: smtp, action: deny, final: true, to: { ports: 25 } }] }
`;

/** 2026-01-01. */
export const NOW = Date.UTC(2026, 0, 1);
export const SCOPES = ["system.slice", "system.slice/agent.service"];

export interface OverlayStageOptions {
	readonly file?: string | null;
	readonly restored?: Restored;
	/** Null: an earlier daemon's policy is in force. */
	readonly policy?: string | null;
}

export class OverlayStage {
	readonly kernel = new FakeKernel();
	readonly lines: string[] = [];
	readonly changes: OverlayChange[] = [];
	/** Since the boot, which was a second before NOW. [ms] */
	elapsed = 1_000;
	readonly service: PolicyService;
	readonly overlays: Overlays;
	/** Number of times that the policy was compiled with other overlays. */
	layered = 0;
	readonly #policy: string | null;

	constructor({ file = null, restored = { entries: [], removed: [] }, policy = POLICY }: OverlayStageOptions = {}) {
		this.#policy = policy;
		const log = jsonLogger((line) => this.lines.push(line));
		this.service = new PolicyService({
			...{ kernel: this.kernel, slots: new SlotBook(null), hashKey: [1, 2, 3, 4], generation: 0, log },
			...{ forceObserve: false, keepGenerations: 3 },
			build: async (request) => buildPolicy(request, worldEnvironment),
			layer: async (request) => {
				this.layered++;
				return layerPolicy(request);
			},
		});
		this.overlays = new Overlays({
			...{ policy: this.service, restored, file, log, bootId: () => "boot-1" },
			host: {
				environment: worldEnvironment,
				now: () => NOW - 1_000 + this.elapsed,
				bootTime: () => this.elapsed,
				scopeOf: (path) => {
					if (!SCOPES.includes(path)) throw new Error(`${path} does not exist`);
					return path;
				},
			},
		});
	}

	/** Loads the policy, and begins. */
	async begin(): Promise<this> {
		this.service.begin(this.overlays.layers());
		if (this.#policy !== null) await this.service.load(this.#policy, "policy.yaml", "file");
		this.overlays.begin();
		this.overlays.watch((change) => this.changes.push(change));
		return this;
	}

	/** Groups of the rules in force, in their order. */
	groups(): string[] {
		return this.service.current?.policy.rules.map(({ group, name }) => `${group}/${name}`) ?? [];
	}
}
