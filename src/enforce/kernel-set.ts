/** Maps of the kernel that are used as sets: every key has the value 1. */
import type { Kernel, MapName } from "../native/binding.ts";

type SetKernel = Pick<Kernel, "dump" | "update" | "remove">;

/**
 * Keys as latin1. Makes the map hold exactly `wanted`, which must fit. Keys in both sets stay. Removals come first: old
 * and new keys together may exceed the size of the map.
 */
export function installKeys(
	kernel: SetKernel,
	map: MapName,
	wanted: ReadonlySet<string>,
): { added: number; removed: number } {
	const present = installedKeys(kernel, map);
	let added = 0;
	let removed = 0;
	for (const key of present) if (!wanted.has(key) && kernel.remove(map, Buffer.from(key, "latin1"))) removed++;
	for (const key of wanted) {
		if (present.has(key)) continue;
		kernel.update(map, Buffer.from(key, "latin1"), ONE);
		added++;
	}
	return { added, removed };
}

/** The keys in the map, as latin1. */
export function installedKeys(kernel: Pick<Kernel, "dump">, map: MapName): Set<string> {
	const { keys, count } = kernel.dump(map);
	const size = count === 0 ? 0 : keys.length / count;
	const present = new Set<string>();
	for (let index = 0; index < count; index++) present.add(keys.toString("latin1", index * size, index * size + size));
	return present;
}

const ONE = Buffer.from([1, 0, 0, 0]);
