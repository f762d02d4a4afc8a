import { describe, expect, test } from "vitest";
import { HalfSipHash } from "../../../src/policy/hash.ts";
import { hashContainer, hashExe, hashLabel, hashName, hashPattern, hashUser } from "../../../src/policy/keys.ts";

/** vectors_hsip64 of github.com/veorq/SipHash: 2-4, key 00..07, input 00, 01, .. of each length. */
const PUBLISHED: Record<number, string> = {
	0: "218d1f59b9b83cc8",
	1: "be552412f8387315",
	2: "064f39ef7c50eb57",
	3: "ce0f1a45f7060679",
	4: "d5e78a175be52ea1",
	5: "cb9d7c3f2f3db580",
	7: "ff202728b07bc684",
	9: "5b51cccc13888307",
	15: "217d0bcb4e81c902",
	16: "7336aad25f7bf3b5",
	21: "00741dc269e8b3ef",
	62: "f90b3ab572d46693",
	63: "2ea63c71bf326087",
};

describe("HalfSipHash", () => {
	test.for(Object.entries(PUBLISHED))("gives the published 64-bit result for %s bytes", ([length, expected]) => {
		const hash = new HalfSipHash([0x03020100, 0x07060504], 2, 4);
		hash.begin();
		for (let i = 0; i < Number(length); i++) hash.byte(i);
		hash.finish();
		expect(littleEndian(hash)).toBe(expected);
	});

	test("takes a word for four bytes", () => {
		const bytes = new HalfSipHash([1, 2]);
		bytes.begin();
		for (const byte of [0x78, 0x56, 0x34, 0x12]) bytes.byte(byte);
		bytes.finishAs(9);
		const word = new HalfSipHash([1, 2]);
		word.begin();
		word.word(0x12345678);
		word.finishAs(9);
		expect(value(bytes)).toBe(value(word));
	});

	test("hashes text as UTF-8", () => {
		const text = new HalfSipHash([1, 2]);
		text.begin();
		text.text("/opt/bücher");
		text.finish();
		const bytes = new HalfSipHash([1, 2]);
		bytes.begin();
		for (const byte of Buffer.from("/opt/bücher")) bytes.byte(byte);
		bytes.finish();
		expect(value(text)).toBe(value(bytes));
	});
});

describe("keys", () => {
	const hash = new HalfSipHash([0xdeadbeef, 0x12345678]);

	test("an exe is its device and its components from the leaf up", () => {
		hashExe(hash, 0x00800001, "/usr/bin/curl");
		const exe = value(hash);
		expect(bytesOf([0x65, 0x01, 0x00, 0x80, 0x00, ...Buffer.from("curl/bin/usr/")])).toBe(exe);
	});

	test("a user is its uid, little endian", () => {
		hashUser(hash, 65534);
		expect(value(hash)).toBe(bytesOf([0x69, 0xfe, 0xff, 0, 0]));
	});

	test("a container, a label and a name are a letter and the text", () => {
		hashContainer(hash, "*");
		expect(value(hash)).toBe(bytesOf(Buffer.from("c*")));
		hashLabel(hash, "com");
		expect(value(hash)).toBe(bytesOf(Buffer.from("ncom")));
		hashName(hash, "example.com");
		expect(value(hash)).toBe(bytesOf(Buffer.from("Nexample.com")));
	});

	test("a pattern is the hashes of its labels from the right, its mask, and its shape in the place of the length", () => {
		const label = (text: string) => {
			hashLabel(hash, text);
			return [hash.lo, hash.hi] as const;
		};
		const [com, example] = [label("com"), label("example")];
		hashPattern(hash, new HalfSipHash([0xdeadbeef, 0x12345678]), "**.*.example.com");
		const pattern = value(hash);
		hash.begin();
		for (const word of [...com, ...example, 0x2a, 0, 0b100]) hash.word(word);
		hash.finishAs(3 | (1 << 7));
		expect(value(hash)).toBe(pattern);
	});

	function bytesOf(bytes: Iterable<number>): bigint {
		hash.begin();
		for (const byte of bytes) hash.byte(byte);
		hash.finish();
		return value(hash);
	}
});

function value(hash: HalfSipHash): bigint {
	return (BigInt(hash.hi) << 32n) | BigInt(hash.lo);
}

function littleEndian(hash: HalfSipHash): string {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(value(hash));
	return bytes.toString("hex");
}
