import { expect, test } from "vitest";
import { addressRange, addressText, isInRange, packAddress } from "../../../src/base/address.ts";
import { BoundedMap } from "../../../src/base/bounded.ts";
import { printable } from "../../../src/base/text.ts";

test("control, escape, bidirectional and invisible characters are escaped, and so is the backslash", () => {
	expect(printable("curl")).toBe("curl");
	expect(printable("a\x1b[31mb\n\r\0\x7f\x9b")).toBe("a\\x1b[31mb\\x0a\\x0d\\x00\\x7f\\x9b");
	expect(printable("\u202egpj.exe\u2066\u200b\ufeff\u2028")).toBe(
		"\\u{202e}gpj.exe\\u{2066}\\u{200b}\\u{feff}\\u{2028}",
	);
	expect(printable("\u{e0041}\ud800")).toBe("\\u{e0041}\\u{d800}");
	expect(printable("\\x1b")).toBe("\\\\x1b");
	expect(printable("grüße-日本-\ufffd")).toBe("grüße-日本-\ufffd");
});

test.each([
	["192.0.2.1", "192.0.2.1"],
	["::ffff:192.0.2.1", "192.0.2.1"],
	["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
	["::", "::"],
	["::1", "::1"],
	["fe80::1%eth0", "fe80::1"],
	["2001:DB8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"],
	["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
])("%s is shown as %s", (text, shown) => {
	expect(addressText(packAddress(text) ?? "")).toBe(shown);
});

test("invalid addresses are null, and IPv6 endpoints have brackets", () => {
	expect(packAddress("example.com")).toBeNull();
	expect(packAddress("1.2.3")).toBeNull();
});

test("an address range is a prefix of one family", () => {
	const holds = (range: string, address: string) => {
		const parsed = addressRange(range);
		return parsed !== null && isInRange(packAddress(address) ?? "", parsed);
	};
	expect(holds("10.0.0.0/8", "10.200.0.1")).toBe(true);
	expect(holds("10.0.0.0/8", "11.0.0.1")).toBe(false);
	expect(holds("10.1.2.3/22", "10.1.3.255")).toBe(true);
	expect(holds("10.1.2.3/22", "10.1.4.0")).toBe(false);
	expect(holds("0.0.0.0/0", "2001:db8::1")).toBe(false);
	expect(holds("2001:db8::/32", "2001:db8:ffff::1")).toBe(true);
	expect(holds("::/0", "2001:db8::1")).toBe(true);
	expect(holds("::/0", "10.0.0.1")).toBe(false);
	expect(holds("::ffff:10.0.0.0/104", "10.200.0.1")).toBe(true);
	for (const wrong of ["10.0.0.0/33", "10.0.0.0/x", "10/8/8", "", "example.com", "fe80::1%eth0", "::ffff:10.0.0.0/90"])
		expect(addressRange(wrong), wrong).toBeNull();
});

test("a bounded map forgets the oldest written, whatever was deleted in between", () => {
	const map = new BoundedMap<number, number>(3);
	for (let key = 0; key < 3; key++) map.set(key, key);
	map.set(0, 10);
	expect(map.set(3, 3)).toBe(1);
	map.delete(2);
	expect(map.set(4, 4)).toBeUndefined();
	expect(map.set(5, 5)).toBe(10);
	expect([...map.values()]).toEqual([3, 4, 5]);
	expect(map.dropped).toBe(2);
	const long = new BoundedMap<number, number>(100);
	for (let key = 0; key < 10_000; key++) long.set(key, key);
	expect([...long.entries()][0]).toEqual([9_900, 9_900]);
});
