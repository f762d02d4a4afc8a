import { describe, expect, test } from "vitest";
import { SipHash } from "../../../src/policy/compile/hash.ts";
import { hashContainer, hashExe, hashLabel, hashPattern, hashUser } from "../../../src/policy/compile/keys.ts";

const KEY = [0xdeadbeef, 0x12345678, 0x01234567, 0x89abcdef] as const;

/** vectors_sip64 of github.com/veorq/SipHash: 2-4, key 00..0f, input 00, 01, .. of each length. */
const PUBLISHED: Record<number, string> = {
	0: "310e0edd47db6f72",
	1: "fd67dc93c539f874",
	2: "5a4fa9d909806c0d",
	3: "2d7efbd796666785",
	4: "b7877127e09427cf",
	5: "8da699cd64557618",
	6: "cee3fe586e46c9cb",
	7: "37d1018bf50002ab",
	8: "6224939a79f5f593",
	9: "b0e4a90bdf82009e",
	15: "e545be4961ca29a1",
};

describe("SipHash", () => {
	test.for(Object.entries(PUBLISHED))("gives the published result for %s bytes", ([length, expected]) => {
		const hash = new SipHash([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c], 2, 4);
		hash.begin();
		for (let i = 0; i < Number(length); i++) hash.byte(i);
		hash.finish();
		expect(littleEndian(hash)).toBe(expected);
	});

	test("accepts a word for eight bytes, and a tail for fewer", () => {
		const bytes = new SipHash(KEY);
		bytes.begin();
		for (const byte of [0x78, 0x56, 0x34, 0x12, 0xf0, 0xde, 0xbc, 0x9a, 0x33, 0x22, 0x11]) bytes.byte(byte);
		bytes.finish();
		const word = new SipHash(KEY);
		word.begin();
		word.word(0x12345678, 0x9abcdef0);
		word.finishAs(11, 0x112233);
		expect(value(bytes)).toBe(value(word));
	});

	test("hashes text as UTF-8", () => {
		const text = new SipHash(KEY);
		text.begin();
		text.text("/opt/bücher");
		text.finish();
		const bytes = new SipHash(KEY);
		bytes.begin();
		for (const byte of Buffer.from("/opt/bücher")) bytes.byte(byte);
		bytes.finish();
		expect(value(text)).toBe(value(bytes));
	});
});

describe("keys", () => {
	const hash = new SipHash(KEY);

	test("the key of an exe is its device and its components from the leaf up", () => {
		hashExe(hash, 0x00800001, "/usr/bin/curl");
		const exe = value(hash);
		expect(bytesOf([0x65, 0x01, 0x00, 0x80, 0x00, ...Buffer.from("curl/bin/usr/")])).toBe(exe);
	});

	test("the key of a user is the uid, little endian", () => {
		hashUser(hash, 65534);
		expect(value(hash)).toBe(bytesOf([0x69, 0xfe, 0xff, 0, 0]));
	});

	test("the key of a container is a letter and the name, that of a label the label", () => {
		hashContainer(hash, "*");
		expect(value(hash)).toBe(bytesOf(Buffer.from("c*")));
		hashLabel(hash, "eu-central-1");
		expect(value(hash)).toBe(bytesOf(Buffer.from("eu-central-1")));
	});

	test("the key of a pattern is the hashes of its labels from the right, its mask, and its shape as the length", () => {
		const label = (text: string) => {
			hashLabel(hash, text);
			return [hash.lo, hash.hi] as const;
		};
		const [com, example] = [label("com"), label("example")];
		hashPattern(hash, new SipHash(KEY), "**.*.example.com");
		const pattern = value(hash);
		hash.begin();
		for (const [lo, hi] of [com, example, [0x2a, 0]] as const) hash.word(lo, hi);
		hash.finishAs(3 | (1 << 7), 0b100);
		expect(value(hash)).toBe(pattern);
	});

	function bytesOf(bytes: Iterable<number>): bigint {
		hash.begin();
		for (const byte of bytes) hash.byte(byte);
		hash.finish();
		return value(hash);
	}
});

function value(hash: SipHash): bigint {
	return (BigInt(hash.hi) << 32n) | BigInt(hash.lo);
}

function littleEndian(hash: SipHash): string {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(value(hash));
	return bytes.toString("hex");
}
