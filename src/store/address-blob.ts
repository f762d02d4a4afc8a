import { addressOfBytes } from "../base/address.ts";

/** The packed form (../base/address.ts) of an address as the file keeps it; filter-words.ts has the reverse. */
export function packed(blob: Uint8Array): string {
	return addressOfBytes(Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength));
}
