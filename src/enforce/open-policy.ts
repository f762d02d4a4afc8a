import { dirname } from "node:path";
import { type Config, LIMITS, OBSERVE_POLICY } from "../base/config.ts";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { renderProblem } from "../policy/read/problem.ts";
import type { Inherited } from "./open-kernel.ts";
import { type LoadResult, PolicyService } from "./policy-service.ts";
import { type ListFolder, PolicyThread } from "./policy-thread.ts";
import type { SlotBook } from "./slot-book.ts";

export interface OpenPolicyOptions {
	readonly config: Pick<Config, "policy" | "forceObserve">;
	readonly kernel: Kernel;
	readonly before: Inherited;
	readonly slots: SlotBook;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

export interface OpenPolicy {
	readonly service: PolicyService;
	/** All problems of a text, as loading it would report them. */
	readonly check: (text: string) => Promise<PolicyCheck>;
	/** Loads the configured policy. Rejects with SallyportError POLICY_INVALID if it is refused and none is in force. */
	readonly loadFirst: () => Promise<void>;
	/** Reads the policy file again; null: the configuration names none. */
	readonly reload: () => Promise<LoadResult | null>;
}

/** Opens the policy service. Checks have their own thread: clients that may check but not load cannot delay a load. */
export function openPolicy({ config, before, scope, ...given }: OpenPolicyOptions): OpenPolicy {
	const { policy: file, forceObserve } = config;
	const [builder, checker] = [new PolicyThread(), new PolicyThread()];
	scope.defer(() => builder.close());
	scope.defer(() => checker.close());
	const service = new PolicyService({
		...given,
		build: (request, origin) =>
			builder.build(request, origin === "file" ? besideFile(request.source) : besideOwn(file)),
		hashKey: before.hashKey,
		generation: before.generation,
		forceObserve,
		keepGenerations: LIMITS.generations,
	});
	scope.defer(() => service.close());
	return {
		service,
		check: (text) => checker.check({ text, source: "(api)" }, besideOwn(file)),
		async loadFirst() {
			const loaded = await (file === null
				? service.load(OBSERVE_POLICY, "(built-in)", "built-in")
				: service.loadFile(file));
			/* If an earlier policy is in force, the daemon starts nevertheless and records. */
			if (loaded.ok || before.generation > 0) return;
			const lines = loaded.problems.map(renderProblem);
			throw new SallyportError(
				"POLICY_INVALID",
				`The policy cannot be loaded, and none is in force:\n  ${lines.join("\n  ")}`,
			);
		},
		reload: async () => (file === null ? null : service.loadFile(file)),
	};
}

function besideFile(file: string): ListFolder {
	return { folder: dirname(file) };
}

/* A policy from the API may name only lists in the folder of the daemon's policy file: its author need not be allowed
 * to read others. */
function besideOwn(file: string | null): ListFolder {
	return file === null ? { folder: "/", within: null } : { folder: dirname(file), within: dirname(file) };
}
