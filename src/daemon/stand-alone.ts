import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLOSED_POLICY, type Config, DEFAULTS } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { AttachConfig, AttachResult, DetachResult } from "../cli/deps.ts";
import { buildPolicy, layerPolicy } from "../enforce/build-policy.ts";
import { bootSources } from "../enforce/host-resolvers.ts";
import {
	clockNow,
	type LastGood,
	lastGoodFile,
	movedExe,
	readLastGood,
	rowsForThisBoot,
} from "../enforce/last-good.ts";
import { attach, type Inherited, inherited, keyOfRows, openKernel } from "../enforce/open-kernel.ts";
import { ensureBpffs } from "../enforce/pin-folder.ts";
import { hostEnvironment, readMountinfo } from "../enforce/policy-environment.ts";
import { PolicyService } from "../enforce/policy-service.ts";
import { installResolvers, trustedResolvers } from "../enforce/resolvers.ts";
import { installSuffixes, searchSuffixes } from "../enforce/search-suffixes.ts";
import { SlotBook } from "../enforce/slot-book.ts";
import { Users } from "../identity/users.ts";
import type { Addon, Kernel } from "../native/binding.ts";
import { POLICY_HEAD } from "../native/layout.ts";
import { renderProblem } from "../policy/read/problem.ts";
import { watchedCgroup } from "../system/cgroup.ts";
import { acquireHost } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";

/*
 * The commands that change the kernel while no daemon runs. At boot they run before any network is up, so they import
 * neither the API nor history: there is less to read before the policy is in force.
 */

/**
 * Puts a policy in force and leaves it to the kernel. Rejects with SallyportError, ALREADY_RUNNING among them if a
 * daemon has the pins.
 */
export async function attachAlone(config: AttachConfig, addon: Addon, log: Logger): Promise<AttachResult> {
	const mountinfo = readMountinfo();
	const watched = watchedCgroup(config.cgroup, mountinfo);
	await using scope = new AsyncDisposableStack();
	const lock = await acquireHost({ ...config, hostDir: DEFAULTS.runtimeDir, cgroup: watched, log });
	scope.defer(() => lock.release());
	scope.defer(ensureBpffs(addon, config.pins, parseMountinfo(mountinfo)));
	const kernel = openKernel(addon, config, watched);
	scope.defer(() => kernel.close());
	const before = inherited(kernel);
	const result = await put(kernel, before, config, log);
	/* Programs that are not attached end when the handles are closed, as on_boot open requires. */
	if (result.origin !== "nothing" || before.generation > 0) attach(kernel);
	return { ...result, cgroup: watched.path, pins: config.pins };
}

/**
 * Removes everything of Sallyport from the kernel. Rejects with SallyportError ALREADY_RUNNING if a daemon has the
 * pins.
 */
export async function detachAlone(config: Pick<Config, "pins" | "runtimeDir">, addon: Addon): Promise<DetachResult> {
	const lock = await acquireHost({ ...config, hostDir: DEFAULTS.runtimeDir, cgroup: null, log: null });
	try {
		const wasThere = existsSync(join(config.pins, "links"));
		if (wasThere) addon.removePins(config.pins);
		return { wasThere, pins: config.pins };
	} finally {
		lock.release();
	}
}

type Put = Omit<AttachResult, "cgroup" | "pins">;

async function put(kernel: Kernel, before: Inherited, config: AttachConfig, log: Logger): Promise<Put> {
	const kept = config.anew ? { found: null, why: "--anew was given" } : usable(config, before);
	if (kept.found !== null) return putRows(kernel, before, config, kept.found);
	if (!config.anew) log.warn("the last good policy cannot be used", { why: kept.why });
	const policy = compiler(kernel, before, config, log);
	const loaded = await policy.loadFile(config.policy);
	if (loaded.ok) return describe(policy, "file", []);
	const problems = loaded.problems.map(renderProblem);
	if (before.generation > 0) return { ...NOTHING, origin: "before", generation: before.generation, problems };
	if (config.otherwise === "open") return { ...NOTHING, problems };
	const closed = await policy.load(CLOSED_POLICY, "(built-in)", "built-in");
	if (!closed.ok) throw new Error(closed.problems.map(renderProblem).join("; "));
	return describe(policy, "closed", problems);
}

const NOTHING = { origin: "nothing", generation: 0, mode: null, rules: null, source: null, savedAt: null } as const;

/* The saved policy must hash names with the key of the maps that live on. A boot may change the device numbers of
 * programs. */
function usable({ stateDir }: AttachConfig, before: Inherited): { found: LastGood | null; why: string } {
	const { found, why } = readLastGood(lastGoodFile(stateDir));
	if (found === null) return { found, why };
	if (before.generation > 0 && keyOfRows(found.rows).join() !== before.hashKey.join())
		return { found: null, why: "its names are hashed with another key" };
	const { exeOf } = hostEnvironment({ folder: "/", within: null, uidOf: () => null });
	const moved = movedExe(found, exeOf);
	return moved === null ? { found, why: "" } : { found: null, why: `${moved} is on another device` };
}

function putRows(kernel: Kernel, before: Inherited, { stateDir }: AttachConfig, found: LastGood): Put {
	const { mode, rules, source, savedAt } = found;
	const generation = Math.max(found.generation, before.generation + 1);
	rowsForThisBoot(found, clockNow()).writeUInt32LE(generation, POLICY_HEAD.generation);
	installResolvers(kernel, trustedResolvers(found.resolvers, bootSources(stateDir)));
	installSuffixes(kernel, keyOfRows(found.rows), searchSuffixes(found.search));
	kernel.installPolicy(found.rows, generation);
	return { origin: "kept", generation, mode, rules, source, savedAt, problems: [] };
}

function compiler(kernel: Kernel, before: Inherited, { stateDir, policy }: AttachConfig, log: Logger): PolicyService {
	const users = new Users();
	const environment = hostEnvironment({ folder: dirname(policy), uidOf: (name) => users.uidOf(name) });
	const slots = new SlotBook(join(stateDir, "slots.json"));
	slots.restore(kernel.adopted ? kernel.sum("rules") : null);
	const service = new PolicyService({
		kernel,
		slots,
		log,
		build: async (request) => buildPolicy(request, environment),
		layer: async (request) => layerPolicy(request),
		hashKey: before.hashKey,
		generation: before.generation,
		forceObserve: false,
		keepGenerations: 1,
	});
	service.watch({
		loaded: ({ policy: { resolvers, search } }) => {
			installResolvers(kernel, trustedResolvers(resolvers, bootSources(stateDir)));
			installSuffixes(kernel, before.hashKey, searchSuffixes(search));
		},
	});
	return service;
}

function describe({ current, generation }: PolicyService, origin: "file" | "closed", problems: readonly string[]): Put {
	const { mode, rules } = current?.policy ?? { mode: null, rules: null };
	return {
		origin,
		generation,
		mode,
		rules: rules?.length ?? null,
		source: current?.source ?? null,
		savedAt: null,
		problems,
	};
}
