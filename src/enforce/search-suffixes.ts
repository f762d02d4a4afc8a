import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { type HashKey, SipHash } from "../policy/compile/hash.ts";
import { hashPattern } from "../policy/compile/keys.ts";
import { parsePattern } from "../policy/domain.ts";
import { hostSearch, hostSources, type ResolverSources } from "./host-resolvers.ts";
import { installedKeys, installKeys } from "./kernel-set.ts";

/** The suffixes of Kubernetes with its default domain. A pod's resolv.conf has them, and the daemon does not see it. */
const KUBERNETES = ["*.svc.cluster.local", "svc.cluster.local", "cluster.local"] as const;

/** The suffixes that resolver libraries append to names: the host's, the policy's and those of Kubernetes. */
export function searchSuffixes(policy: readonly string[], sources: ResolverSources = hostSources): Set<string> {
	const suffixes = new Set<string>();
	for (const text of [...policy, ...hostSearch(sources), ...KUBERNETES]) {
		const parsed = parsePattern(text);
		if ("pattern" in parsed && suffixes.size < SUFFIXES_MAX) suffixes.add(parsed.pattern);
	}
	return suffixes;
}

/** Makes the kernel's map hold exactly `wanted`. */
export function installSuffixes(
	kernel: Pick<Kernel, "dump" | "update" | "remove">,
	key: HashKey,
	wanted: Iterable<string>,
): { added: number; removed: number } {
	return installKeys(kernel, MAP, keysOf(key, wanted));
}

/** The search suffixes, kept equal in the daemon and in the kernel. */
export class SearchSuffixes {
	readonly #kernel: Pick<Kernel, "dump" | "update" | "remove">;
	readonly #key: HashKey;
	readonly #log: Logger;
	/** Without those of a policy that an earlier daemon loaded, of which only hashes are known. */
	current: readonly string[] = [];

	constructor(kernel: Pick<Kernel, "dump" | "update" | "remove">, key: HashKey, log: Logger) {
		this.#kernel = kernel;
		this.#key = key;
		this.#log = log;
	}

	/** Reads the host's files again. Null: the policy in force was loaded by an earlier daemon, so its suffixes are kept. */
	update(policy: readonly string[] | null): void {
		const wanted = searchSuffixes(policy ?? []);
		this.current = [...wanted];
		const keys = keysOf(this.#key, wanted);
		if (policy === null) for (const key of installedKeys(this.#kernel, MAP)) keys.add(key);
		const { added, removed } = installKeys(this.#kernel, MAP, keys);
		if (added + removed > 0) this.#log.info("search suffixes", { suffixes: this.current });
	}
}

const MAP = "suffixes";
/** Size of the map. */
const SUFFIXES_MAX = 64;

function keysOf(key: HashKey, suffixes: Iterable<string>): Set<string> {
	const [hash, labels] = [new SipHash(key), new SipHash(key)];
	const keys = new Set<string>();
	const bytes = Buffer.alloc(8);
	for (const suffix of suffixes) {
		hashPattern(hash, labels, suffix);
		bytes.writeUInt32LE(hash.lo, 0);
		bytes.writeUInt32LE(hash.hi, 4);
		keys.add(bytes.toString("latin1"));
	}
	return keys;
}
