import { packAddress, packedBytes } from "../base/address.ts";
import type { Names } from "../connections/dns-names.ts";
import type { Kernel } from "../native/binding.ts";
import { hashKey, readUnsigned64 } from "../native/fields.ts";
import { LEARNED, NAMES_PER_ADDRESS } from "../native/layout.ts";
import type { Clock } from "../system/clock.ts";

/** Names that the kernel holds an address for now, the one that stays longest first. `until`: wall clock, ms. */
export function learnedNames(
	kernel: Pick<Kernel, "lookup">,
	names: Names,
	clock: Clock,
	address: string,
): { readonly name: string; readonly until: number }[] {
	const packed = packAddress(address);
	const value = packed === null ? null : kernel.lookup("learned", packedBytes(packed));
	if (value === null) return [];
	const view = new DataView(value.buffer, value.byteOffset, value.length);
	const now = clock.monotonic();
	const found: { name: string; until: number }[] = [];
	for (let slot = 0; slot < NAMES_PER_ADDRESS; slot++) {
		const hash = hashKey(view, LEARNED.name + slot * 8);
		const expires = readUnsigned64(view, LEARNED.expires + slot * 8);
		const name = hash === 0 || expires < now ? null : names.text(hash);
		if (name !== null) found.push({ name, until: expires / 1e6 + clock.offset() });
	}
	return found.sort((a, b) => b.until - a.until);
}
