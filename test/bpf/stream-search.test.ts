/** bpf/parse/tls_scan.h: ClientHellos at any offset, and within what is read as something else. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { PARSE_REQUEST } from "../../src/native/layout.ts";
import { addon } from "../native/scratch.ts";
import { inUserSpace, readStream } from "../support/parse.ts";
import { clientHello, cut, padding, records, serverName, VERSIONS } from "../support/tls-hello.ts";

const NAME = "api.model.example";
const HELLO = records(clientHello([VERSIONS, serverName(NAME)]));
const BEFORE = Buffer.from("\0EHLO x\r\nSTARTTLS\r\n", "latin1");
const SIZES = [1, 2, 7, 1400];

const read = (size: number, ...parts: readonly Uint8Array[]) =>
	readStream(inUserSpace(addon), cut(Buffer.concat(parts), size));

/** True if a ClientHello was found within something else. */
const isHiding = (size: number, ...parts: readonly Uint8Array[]) =>
	read(size, ...parts).requests.some((request) => request[PARSE_REQUEST.hidesHello] === 1);

test.each([0, 1, 4, 5, 255])("after cleartext a record of version 3.%i is found", (minor) => {
	const hello = Buffer.from(HELLO);
	hello[2] = minor;
	for (const size of SIZES) expect(read(size, BEFORE, hello).hellos).toMatchObject([{ name: NAME, how: "named" }]);
});

test.each([1, 2, 5, 60])("after cleartext a ClientHello in records of %i bytes is found", (record) => {
	const hello = records(clientHello([VERSIONS, serverName(NAME)]), record);
	for (const size of SIZES) expect(read(size, BEFORE, hello).hellos).toMatchObject([{ name: NAME, how: "named" }]);
});

test("no byte is lost after the beginning of a record that is none, wherever it ends", () => {
	for (let length = 1; length < 33; length++)
		for (const size of SIZES)
			expect(read(size, BEFORE, HELLO.subarray(0, length), HELLO).hellos).toMatchObject([{ name: NAME }]);
});

test("a ClientHello within an extension of another one is found", () => {
	const outer = (data: Buffer) => records(clientHello([{ ...padding(0), data }, serverName("allowed.example")]));
	for (const size of SIZES) {
		expect(isHiding(size, outer(Buffer.concat([BEFORE, HELLO])))).toBe(true);
		expect(isHiding(size, BEFORE, outer(Buffer.concat([BEFORE, HELLO])))).toBe(true);
		expect(isHiding(size, outer(Buffer.alloc(400)))).toBe(false);
	}
});

test("a second ClientHello in its own record hides nothing", () => {
	for (const size of SIZES) expect(isHiding(size, HELLO, records(Buffer.from([1]), 9, 20), HELLO)).toBe(false);
});

test("other binary data are no ClientHello", () => {
	const noise = Buffer.concat(Array.from({ length: 20_000 }, (_, at) => createHash("sha256").update(`${at}`).digest()));
	const structured = Buffer.from("16030100".repeat(2_000) + "1603010200010000".repeat(2_000), "hex");
	for (const data of [noise.subarray(0, 60_000), structured])
		expect(read(1400, Buffer.from([0]), data).hellos).toEqual([]);
});
