import type { Names } from "../connections/dns-names.ts";
import type { Kernel } from "../native/binding.ts";
import { hashKey, readUnsigned64 } from "../native/fields.ts";
import { LEARNED, NAME, NAME_MAX, NAMES_PER_ADDRESS } from "../native/layout.ts";

/** What the kernel has learned while no daemon was there: names by hash, and the names of addresses. */
export function seedNames(kernel: Pick<Kernel, "dump">, names: Names): void {
	const texts = kernel.dump("names");
	for (let index = 0; index < texts.count; index++) {
		const text = nameText(texts.values.subarray(index * NAME.bytes, (index + 1) * NAME.bytes));
		if (text !== null) names.remember(hashKey(viewOf(texts.keys), index * 8), text);
	}
	const learned = kernel.dump("learned");
	const view = viewOf(learned.values);
	for (let index = 0; index < learned.count; index++) {
		const at = index * LEARNED.bytes;
		const known: { hash: number; name: string; expires: number }[] = [];
		for (let slot = 0; slot < NAMES_PER_ADDRESS; slot++) {
			const hash = hashKey(view, at + LEARNED.name + slot * 8);
			const name = hash === 0 ? null : names.text(hash);
			if (name !== null) known.push({ hash, name, expires: readUnsigned64(view, at + LEARNED.expires + slot * 8) });
		}
		known.sort((a, b) => a.expires - b.expires);
		const address = learned.keys.toString("latin1", index * 16, index * 16 + 16);
		for (const { hash, name } of known) names.answered(address, { name, hash, pid: 0, start: 0, shared: true });
	}
}

/** A name by the 8 bytes of its hash, from the kernel. */
export function lookupName(kernel: Pick<Kernel, "lookup">, hash: Buffer): string | null {
	const value = kernel.lookup("names", hash);
	return value === null ? null : nameText(value);
}

function nameText(value: Buffer): string | null {
	const length = Math.min(value.readUInt16LE(NAME.textLength), NAME_MAX);
	return length === 0 ? null : value.toString("latin1", NAME.text, NAME.text + length);
}

/* The addon's empty buffers have no memory behind them, and DataView refuses those. */
function viewOf(buffer: Buffer): DataView {
	if (buffer.length === 0) return new DataView(new ArrayBuffer(0));
	return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
