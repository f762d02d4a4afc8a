/** Readers of single fields of a record (struct sp_head and the structs behind it). */
import { COMM_LENGTH, TEXT_MAX } from "./layout.ts";

/** The low 53 bits of a 64-bit hash: name hashes in user space. */
export function hashKey(view: DataView, at: number): number {
	return (view.getUint32(at + 4, true) & 0x1fffff) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** Exact from -2^53 to 2^53. */
export function readSigned64(view: DataView, at: number): number {
	return view.getInt32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** Exact to 2^53. */
export function readUnsigned64(view: DataView, at: number): number {
	return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** A packed address (src/base/address.ts). Written out because it takes 35 ns where toString("latin1") takes 100. */
export function address(b: Buffer, at: number): string {
	return String.fromCharCode(
		b[at] as number,
		b[at + 1] as number,
		b[at + 2] as number,
		b[at + 3] as number,
		b[at + 4] as number,
		b[at + 5] as number,
		b[at + 6] as number,
		b[at + 7] as number,
		b[at + 8] as number,
		b[at + 9] as number,
		b[at + 10] as number,
		b[at + 11] as number,
		b[at + 12] as number,
		b[at + 13] as number,
		b[at + 14] as number,
		b[at + 15] as number,
	);
}

/** The name of a task, up to its NUL. */
export function comm(batch: Buffer, at: number): string {
	let end = 0;
	while (end < COMM_LENGTH && batch[at + end] !== 0) end++;
	return batch.toString("utf8", at, at + end);
}

/** @param length as the kernel reports it [bytes]; at most TEXT_MAX are there */
export function text(batch: Buffer, at: number, length: number): string {
	return batch.toString("utf8", at, at + Math.min(length, TEXT_MAX));
}

/**
 * Text that the kernel may have cut, as latin1; "..." marks a cut.
 *
 * @param length of the text as sent [bytes]
 * @param max bytes that the record has room for
 */
export function cutText(batch: Buffer, at: number, length: number, max: number): string {
	return length <= max ? batch.toString("latin1", at, at + length) : `${batch.toString("latin1", at, at + max)}...`;
}

/** A name in lower case, without the dot at its end. */
export function hostName(raw: string): string {
	const name = raw.endsWith(".") ? raw.slice(0, -1) : raw;
	return UPPER.test(name) ? name.replace(UPPER_ALL, (letters) => letters.toLowerCase()) : name;
}

/* Only ASCII letters have a case in DNS (RFC 4343 2); other bytes stay as they are. */
const UPPER = /[A-Z]/;
const UPPER_ALL = /[A-Z]+/g;
