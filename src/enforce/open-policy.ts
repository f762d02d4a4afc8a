import { dirname } from "node:path";
import { type Config, LIMITS, OBSERVE_POLICY } from "../base/config.ts";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { ListFacts } from "../policy/model.ts";
import { renderProblem, wholeFile } from "../policy/read/problem.ts";
import { layerPolicy } from "./build-policy.ts";
import { lastGoodFile, readLastGood } from "./last-good.ts";
import type { Inherited } from "./open-kernel.ts";
import type { LoadResult } from "./policy-in-force.ts";
import type { ListFolder } from "./policy-messages.ts";
import { PolicyProcess, TooLargeError } from "./policy-process.ts";
import { PolicyService } from "./policy-service.ts";
import type { SlotBook } from "./slot-book.ts";

export interface OpenPolicyOptions {
	readonly config: Pick<Config, "policy" | "forceObserve" | "stateDir">;
	readonly kernel: Kernel;
	readonly before: Inherited;
	readonly slots: SlotBook;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

export interface OpenPolicy {
	readonly service: PolicyService;
	/** Lists of the policy that the last daemon had in force. */
	readonly listsBefore: readonly ListFacts[];
	/** All problems of a text, as loading it would report them. */
	readonly check: (text: string) => Promise<PolicyCheck>;
	/** Loads the configured policy. Rejects with SallyportError POLICY_INVALID if it is refused and none is in force. */
	readonly loadFirst: () => Promise<void>;
	/** Reads the policy file again; null: the configuration names none. */
	readonly reload: () => Promise<LoadResult | null>;
}

/** Opens the policy service. */
export function openPolicy({ config, before, scope, ...given }: OpenPolicyOptions): OpenPolicy {
	const { policy: file, forceObserve, stateDir } = config;
	const builder = new PolicyProcess();
	scope.defer(() => builder.close());
	/* Until a policy is loaded, the lists in force are those of the last start. */
	const saved = stateDir === null ? [] : savedLists(stateDir, file);
	const lists = (folder: ListFolder): ListFolder => ({ ...folder, before: service.current?.policy.lists ?? saved });
	const service: PolicyService = new PolicyService({
		...given,
		build: (request, origin) =>
			builder.build(request, lists(origin === "file" ? besideFile(request.source) : besideOwn(file))),
		layer: async (request) =>
			service.current !== null && service.current.facts.bytes < LAYERED_HERE
				? layerPolicy(request)
				: builder.layer(request),
		hashKey: before.hashKey,
		generation: before.generation,
		forceObserve,
		keepGenerations: LIMITS.generations,
	});
	scope.defer(() => service.close());
	return {
		service,
		listsBefore: saved,
		check: (text) =>
			builder.check({ text, source: "(api)" }, lists(besideOwn(file))).catch((error: unknown) => {
				if (!(error instanceof TooLargeError)) throw error;
				return { ok: false, problems: [wholeFile("(api)", error.message)], warnings: [], facts: null };
			}),
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

/** Size of a policy that is compiled with other overlays within some milliseconds, in this process [bytes]. */
const LAYERED_HERE = 512 * 1024;

function savedLists(stateDir: string, file: string | null): readonly ListFacts[] {
	const { found } = readLastGood(lastGoodFile(stateDir));
	return found?.source === file ? (found.lists ?? []) : [];
}

function besideFile(file: string): ListFolder {
	return { folder: dirname(file) };
}

/* A policy from the API may name only lists in the folder of the daemon's policy file: its author need not be allowed
 * to read others. */
function besideOwn(file: string | null): ListFolder {
	return file === null ? { folder: "/", within: null } : { folder: dirname(file), within: dirname(file) };
}
