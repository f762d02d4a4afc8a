import { dirname } from "node:path";
import { type Config, LIMITS, OBSERVE_POLICY } from "../base/config.ts";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Undo } from "../base/undo.ts";
import type { Kernel } from "../native/binding.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { renderProblem } from "../policy/read/problem.ts";
import type { Inherited } from "./open-kernel.ts";
import { PolicyService, type PolicyServiceOptions } from "./policy-service.ts";
import { type ListFolder, PolicyThread } from "./policy-thread.ts";
import type { SlotBook } from "./slot-book.ts";

export interface OpenPolicyOptions extends Pick<PolicyServiceOptions, "onLoaded" | "onRefused"> {
	readonly config: Pick<Config, "policy" | "forceObserve">;
	readonly kernel: Kernel;
	readonly before: Inherited;
	readonly slots: SlotBook;
	readonly log: Logger;
	readonly undo: Undo;
}

export interface OpenPolicy {
	readonly service: PolicyService;
	/** All that loading would do, short of the kernel. */
	readonly check: (text: string) => Promise<PolicyCheck>;
	/** The one that the configuration names. Throws if it is refused and none is in force. */
	readonly loadFirst: () => Promise<void>;
}

/** Who may ask for a check is not always who may load: each has a thread of its own. */
export function openPolicy({ config, before, undo, ...given }: OpenPolicyOptions): OpenPolicy {
	const { policy: file, forceObserve } = config;
	const [builder, checker] = [new PolicyThread(), new PolicyThread()];
	undo.add(() => builder.close());
	undo.add(() => checker.close());
	const service = new PolicyService({
		...given,
		build: (request) => builder.build(request, listsOf(request.source, file)),
		hashKey: before.hashKey,
		generation: before.generation,
		forceObserve,
		keepGenerations: LIMITS.generations,
	});
	undo.add(() => service.close());
	return {
		service,
		check: (text) => checker.check({ text, source: API }, listsOf(API, file)),
		async loadFirst() {
			const loaded = await (file === null
				? service.load(OBSERVE_POLICY, "(built-in)", "built-in")
				: service.loadFile(file));
			/* With an earlier daemon's policy in force a bad file is no reason to stop seeing. */
			if (loaded.ok || before.generation > 0) return;
			const lines = loaded.problems.map(renderProblem);
			throw new SallyportError(
				"POLICY_INVALID",
				`The policy cannot be loaded, and none is in force:\n  ${lines.join("\n  ")}`,
			);
		},
	};
}

const API = "(api)";

/* A file's lists lie beside it, or where it says; what comes over the API may name those beside the daemon's own file. */
function listsOf(source: string, file: string | null): ListFolder {
	if (source.startsWith("/")) return { folder: dirname(source) };
	return { folder: file === null ? "/" : dirname(file), within: file === null ? null : dirname(file) };
}
