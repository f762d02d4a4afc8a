import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { keepLastGood, lastGoodFile } from "../enforce/last-good.ts";
import type { LoadCause, PolicyInForce } from "../enforce/policy-in-force.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { Kernel } from "../native/binding.ts";
import type { Overlays } from "../overlays/overlays.ts";

export interface BootPolicyOptions {
	readonly kernel: Pick<Kernel, "readPolicy">;
	readonly policy: Pick<PolicyService, "compiled" | "current">;
	readonly overlays: Pick<Overlays, "kept" | "layers">;
	readonly stateDir: string;
	readonly log: Logger;
}

/** Saves the policy for the next boot: that of the file, with the overlays that stay over a reboot. */
export class BootPolicy {
	readonly #o: BootPolicyOptions;
	/** The overlays in the saved policy. */
	#saved = "";
	#last = Promise.resolve();

	constructor(options: BootPolicyOptions) {
		this.#o = options;
	}

	/** Resolves when it is saved, or need not be. A failure is logged. */
	loaded(inForce: PolicyInForce, cause: LoadCause): Promise<void> {
		this.#last = this.#last
			.then(() => this.#save(inForce, cause))
			.catch((error: unknown) => {
				this.#o.log.error("the policy cannot be saved for the next boot", { cause: sentence(error) });
			});
		return this.#last;
	}

	async #save(inForce: PolicyInForce, cause: LoadCause): Promise<void> {
		const { kernel, policy, overlays, stateDir, log } = this.#o;
		if (inForce.origin !== "file" || policy.current !== inForce) return;
		const kept = overlays.kept();
		const now = kept.map(({ name, end, content, scope }) => [name, end, content, scope].join(" ")).join("\n");
		if (cause === "overlays" && now === this.#saved) return;
		const rows = kept.length === overlays.layers().length ? kernel.readPolicy() : await policy.compiled(kept);
		if (rows === null || policy.current !== inForce) return;
		keepLastGood(lastGoodFile(stateDir), Buffer.from(rows), inForce, log);
		this.#saved = now;
	}
}
