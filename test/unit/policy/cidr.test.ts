import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, PrefixReader, parseAddress, READ_OK } from "../../../src/policy/cidr.ts";

test.for([
	["1.2.3.4", "1.2.3.4"],
	["255.255.255.255", "255.255.255.255"],
	["::", "::"],
	["::1", "::1"],
	["1::", "1::"],
	["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
	["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
	["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
	["::ffff:1.2.3.4", "1.2.3.4"],
	["::ffff:102:304", "1.2.3.4"],
	["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
	["1.2.3", null],
	["1.2.3.4.5", null],
	["1.2.3.256", null],
	["01.2.3.4", null],
	["1..2.3", null],
	["1.2.3.", null],
	["", null],
	[":", null],
	[":::", null],
	["1:2:3:4:5:6:7", null],
	["1:2:3:4:5:6:7:8:9", null],
	["1::2::3", null],
	["1:2:3:4:5:6:7:1.2.3.4", null],
	["::1.2.3.4.5", null],
	["12345::", null],
	["fe80::1%eth0", null],
	["1.2.3.4/32", null],
] as const)("%s is %s", ([text, canonical]) => {
	const address = parseAddress(text);
	expect(address && formatAddress(address)).toBe(canonical);
});

test("accepts exactly the addresses that node:net accepts", () => {
	const hex = fc.stringMatching(/^[0-9a-f]{0,5}$/);
	const likely = fc.oneof(
		fc.ipV4(),
		fc.ipV6(),
		fc.array(hex, { minLength: 1, maxLength: 10 }).map((groups) => groups.join(":")),
		fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }).map((octets) => octets.join(".")),
		fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
	);
	fc.assert(
		fc.property(likely, (text) => {
			expect(parseAddress(text) !== null, text).toBe(isIP(text) !== 0);
		}),
		{ numRuns: 5000 },
	);
});

test("canonical text reads back as the same address", () => {
	fc.assert(
		fc.property(fc.ipV6(), (text) => {
			const address = parseAddress(text)!;
			const again = parseAddress(formatAddress(address))!;
			expect([again.version, again.w0, again.w1, again.w2, again.w3]).toEqual([
				address.version,
				address.w0,
				address.w1,
				address.w2,
				address.w3,
			]);
		}),
	);
});

test("masking clears the host bits of every prefix", () => {
	fc.assert(
		fc.property(
			fc.oneof(
				fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
				fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
			),
			([text, length]) => {
				const reader = new PrefixReader();
				const bytes = Buffer.from(`${text}/${length}`);
				reader.read(bytes, 0, bytes.length);
				reader.mask();
				const masked = Buffer.from(`${formatAddress(reader)}/${reader.length}`);
				expect(reader.read(masked, 0, masked.length), `${text}/${length} -> ${masked}`).toBe(READ_OK);
			},
		),
	);
});
