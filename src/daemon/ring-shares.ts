import type { CgroupTable } from "../identity/cgroup-table.ts";
import type { Kernel } from "../native/binding.ts";
import { readUnsigned64 } from "../native/fields.ts";
import { SHARE } from "../native/layout.ts";

export interface RingThrottled {
	/** Container, unit or cgroup. */
	readonly source: string;
	/** Events that were not written because the unit had used up its share of the ring buffer. */
	readonly events: number;
}

/** Units that wrote more events than their share while the ring buffer was filling. Those with most come first. */
export function ringThrottled(
	kernel: Pick<Kernel, "dump">,
	cgroups: Pick<CgroupTable, "of">,
	most: number,
): RingThrottled[] {
	const { values, count } = kernel.dump("shares");
	const view = new DataView(values.buffer, values.byteOffset, values.length);
	const found: RingThrottled[] = [];
	for (let at = 0; at < count * SHARE.bytes; at += SHARE.bytes) {
		const events = readUnsigned64(view, at + SHARE.throttled);
		if (events === 0) continue;
		const id = readUnsigned64(view, at + SHARE.cgroup);
		const cgroup = cgroups.of(id);
		found.push({ source: cgroup?.container || cgroup?.unit || cgroup?.path || `cgroup ${id}`, events });
	}
	return found.sort((a, b) => b.events - a.events).slice(0, most);
}
