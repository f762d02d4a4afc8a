/** Policies near each limit: in force with all that the kernel's maps hold for it, or refused at a place. */
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { addressText } from "../../../src/base/address.ts";
import { DEFAULTS } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { buildPolicy, layerPolicy } from "../../../src/enforce/build-policy.ts";
import type { ResolverSources } from "../../../src/enforce/host-resolvers.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { installResolvers, trustedResolvers } from "../../../src/enforce/resolvers.ts";
import { installSuffixes, searchSuffixes } from "../../../src/enforce/search-suffixes.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import type { MapName } from "../../../src/native/binding.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { ENTRIES_MAX, nearLimits } from "../policy/near-limits.ts";
import { environment } from "../policy/parsing.ts";

const KEY = [1, 2, 3, 4] as const;
const HOST = { resolvers: 3, search: 6 };
const RESOLV_CONF = "nameserver 10.1.0.1\nnameserver 10.1.0.2\nnameserver 10.1.0.3\nsearch a.b c.d e.f\n";
const SOURCES: ResolverSources = {
	read: (path) => (path === "/etc/resolv.conf" ? RESOLV_CONF : null),
	linkOf: () => null,
	resolvedRuns: () => false,
	remembered: () => [],
};

/** Maps that refuse a key beyond their size, as the kernel's do: E2BIG. */
class SmallMaps {
	readonly maps = new Map<MapName, Set<string>>();
	readonly generations: number[] = [];

	installPolicy(_: Uint8Array, generation: number): void {
		this.generations.push(generation);
	}
	sum(): BigUint64Array {
		return new BigUint64Array(1 << 16);
	}
	dump(map: MapName): { keys: Buffer; values: Buffer; count: number } {
		const keys = [...this.#of(map)].map((key) => Buffer.from(key, "latin1"));
		return { keys: Buffer.concat(keys), values: Buffer.alloc(0), count: keys.length };
	}
	update(map: MapName, key: Buffer): void {
		const set = this.#of(map);
		set.add(key.toString("latin1"));
		if (set.size > DEFAULTS.sizes.resolvers) throw new Error(`E2BIG: ${map}`);
	}
	remove(map: MapName, key: Buffer): boolean {
		return this.#of(map).delete(key.toString("latin1"));
	}
	#of(map: MapName): Set<string> {
		const set = this.maps.get(map) ?? new Set();
		this.maps.set(map, set);
		return set;
	}
}

let kernel: SmallMaps;
let log: string[];
let service: PolicyService;
beforeEach(() => {
	kernel = new SmallMaps();
	log = [];
	service = new PolicyService({
		kernel: kernel as never,
		build: async (request) => buildPolicy(request, environment),
		layer: async (request) => layerPolicy(request),
		slots: new SlotBook(null),
		hashKey: KEY,
		generation: 0,
		forceObserve: false,
		keepGenerations: 8,
		log: jsonLogger((line) => log.push(line)),
	});
	service.watch({
		loaded: ({ policy }) => {
			installResolvers(kernel as never, trustedResolvers(policy.resolvers, SOURCES));
			installSuffixes(kernel as never, KEY, searchSuffixes(policy.search, SOURCES));
		},
	});
});

async function load(text: string): Promise<readonly string[]> {
	const before = service.generation;
	const result = await service.load(text, "p.yaml", "file");
	expect(service.generation).toBe(result.ok ? before + 1 : before);
	expect(log.filter((line) => line.includes("a step after"))).toEqual([]);
	if (result.ok) {
		expect(kernel.generations.at(-1)).toBe(service.generation);
		return [];
	}
	for (const problem of result.problems) {
		expect(problem, renderProblem(problem)).toMatchObject({ file: "p.yaml", line: expect.any(Number) });
		expect(problem.path, renderProblem(problem)).not.toBe("");
	}
	expect(result.problems.length).toBeGreaterThan(0);
	return result.problems.map(renderProblem);
}

test("1,000 random policies near each limit", async () => {
	let refused = 0;
	await fc.assert(
		fc.asyncProperty(nearLimits, async (text) => {
			if ((await load(text)).length > 0) refused++;
		}),
		{ numRuns: 1_000 },
	);
	expect(refused).toBeGreaterThan(100);
	expect(service.counts.loaded).toBeGreaterThan(100);
}, 600_000);

const resolvers = (count: number, from = 0) =>
	JSON.stringify({ version: 1, resolvers: Array.from({ length: count }, (_, at) => `198.51.100.${from + at}`) });

test.each(["resolvers", "search"])("as many %s as a policy may have, and others after them", async (key) => {
	const text = (count: number, from: number) =>
		key === "resolvers"
			? resolvers(count, from)
			: JSON.stringify({ version: 1, search: Array.from({ length: count }, (_, at) => `s${from + at}.example`) });
	expect(await load(text(ENTRIES_MAX, 0))).toEqual([]);
	expect(await load(text(ENTRIES_MAX, 100))).toEqual([]);
	const map = key === "resolvers" ? "resolvers" : "suffixes";
	expect(kernel.maps.get(map)?.size).toBe(ENTRIES_MAX + (key === "resolvers" ? HOST.resolvers : HOST.search));
	expect(await load(text(70, 0))).toEqual([
		`p.yaml:1:14: "${key}" has 70 entries; a policy may have at most ${ENTRIES_MAX} entries`,
	]);
});

test("the host's resolvers beyond the size of the map are left out, the policy's never", () => {
	const many = { read: () => Array.from({ length: 90 }, (_, at) => `nameserver 10.1.0.${at}`).join("\n") };
	const policy = Array.from({ length: ENTRIES_MAX }, (_, at) => `198.51.100.${at}`);
	const trusted = [...trustedResolvers(policy, { ...SOURCES, ...many })].map(addressText);
	expect(trusted).toHaveLength(DEFAULTS.sizes.resolvers);
	expect(trusted).toEqual(expect.arrayContaining(policy));
});

test("a step that fails after a policy came into force is logged, and the load still succeeds", async () => {
	const seen: number[] = [];
	service.watch({
		loaded() {
			throw new Error("no space");
		},
	});
	service.watch({ loaded: ({ generation }) => void seen.push(generation) });
	const result = await service.load(resolvers(1), "p.yaml", "file");
	expect([result.ok, seen]).toEqual([true, [1]]);
	expect(log.join("\n")).toContain("no space");
});

test("lifetimes beyond a week are refused as text as they are as numbers", async () => {
	expect(await load("version: 1\nttl: { floor: 7d, grace: 604800 }\n")).toEqual([]);
	expect(await load("version: 1\nttl:\n  floor: 99999d\n  grace: 60s\n")).toEqual([
		'p.yaml:3:10: "99999d" is more than a week; write 7d or less',
	]);
});
