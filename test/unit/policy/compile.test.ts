import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "../../../src/policy/cidr.ts";
import { type CompileOptions, compile } from "../../../src/policy/compile/compile.ts";
import { evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import type { Policy } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { CompiledPolicy } from "./lookup.ts";
import { worldEnvironment } from "./world.ts";

const OPTIONS: CompileOptions = {
	generation: 7,
	hashKey: [0xfedcba98, 3, 5, 0x80000001],
	slots: Array.from({ length: 1024 }, (_, i) => 2047 - i),
};

function read(text: string, lists: Record<string, string> = {}): Policy {
	const parsed = parsePolicy(text, "p", { ...worldEnvironment, readList: (name) => Buffer.from(lists[name]!) });
	if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join("\n"));
	return parsed.policy;
}

const oneList = (key: string) =>
	`version: 1\nlists: { big: { file: big } }\ngroups: [{ name: g, rules: [{ name: r, action: deny, to: { ${key}: "@big" } }] }]`;

const connection = {
	phase: "connect",
	port: 443,
	protocol: 6,
	who: { exe: null, uid: 0, cgroup: "" },
	learned: [],
	name: null,
	trustedResolver: false,
	dnsMessage: false,
} as const;

test("a policy without rules compiles to an array with a valid head", () => {
	const { rows, meta } = compile(read("version: 1"), OPTIONS);
	const view = new DataView(rows.buffer);
	expect(rows.length).toBe(128 * meta.rows);
	expect(view.getUint32(76, true)).toBe(meta.rows);
	expect(view.getUint32(8, true)).toBe(7);
	expect([...rows.subarray(16, 24)]).toEqual([1, 1, 1, 1, 1, 1, 13, 0]);
	expect(view.getUint16(24, true)).toBe(0);
	expect(view.getUint16(26, true)).toBe(1);
	expect([...new Uint32Array(rows.buffer, 32, 4)]).toEqual([0xfedcba98, 3, 5, 0x80000001]);
	expect(new CompiledPolicy(rows).decide({ ...connection, address: "1.1.1.1" }).action).toBe("allow");
});

test("every rule has its counter slot", () => {
	const policy = read(
		`version: 1\ngroups:\n  - name: g\n    rules:\n${Array.from({ length: 130 }, (_, i) => `      - { name: r${i}, action: alert }\n`).join("")}`,
	);
	const compiled = new CompiledPolicy(compile(policy, OPTIONS).rows);
	expect([0, 64, 129].map((rule) => compiled.slot(rule))).toEqual([2047, 1983, 1918]);
	expect(() => compile(policy, { ...OPTIONS, slots: [1] })).toThrow("has no counter slot");
});

test("the rule with the last bit of 1,024 decides", () => {
	const rules = Array.from(
		{ length: 1024 },
		(_, i) => `      - { name: r${i}, action: deny, to: { ports: ${i + 1} } }\n`,
	);
	const compiled = new CompiledPolicy(
		compile(read(`version: 1\nmode: enforce\ngroups:\n  - name: g\n    rules:\n${rules.join("")}`), OPTIONS).rows,
	);
	expect(compiled.decide({ ...connection, address: "1.1.1.1", port: 1024 })).toMatchObject({
		verdict: "deny",
		rule: 1023,
	});
	expect(compiled.decide({ ...connection, address: "1.1.1.1", port: 1025 })).toMatchObject({
		verdict: "allow",
		rule: null,
	});
});

describe("prefixes", () => {
	const random = generator();

	test("of both families are merged where they touch", () => {
		const halves = (cidr: string) =>
			`version: 1\ngroups: [{ name: g, rules: [{ name: r, action: deny, to: { cidr: [${cidr}] } }] }]`;
		const intervals = (cidr: string) => compile(read(halves(cidr)), OPTIONS).meta.intervals;
		expect(intervals("10.0.0.0/9, 10.128.0.0/9, 10.1.0.0/16").v4).toBe(3);
		expect(intervals('"2001:db8::/33", "2001:db8:8000::/33", "2001:db8::/48"').v6).toBe(3);
		expect(intervals("0.0.0.0/0, 128.0.0.0/1").v4).toBe(1);
		expect(intervals('"::/0", "8000::/1"').v6).toBe(1);
	});

	test("adjacent and nested ones decide at every address of a small network", () => {
		for (const [network, first] of [
			["10.0.0", 0x0a000000n],
			["2001:db8:", (0x20010db8n << 96n) | 0xffffffe0n],
		] as const) {
			for (let round = 0; round < 40; round++) {
				const lists = Array.from({ length: 4 }, () =>
					Array.from({ length: 1 + (random() % 5) }, () => small(network === "10.0.0" ? 4 : 6, first)),
				);
				const policy = withLists(lists);
				const compiled = new CompiledPolicy(compile(policy, OPTIONS).rows);
				for (let i = -1n; i <= 64n; i++)
					expectSame(policy, compiled, addressOf(network === "10.0.0" ? 4 : 6, first + i));
			}
		}
	});

	test.for([
		["IPv4", prefixV4, 4],
		["IPv6", prefixV6, 6],
	] as const)("24,000 of %s decide at their edges", ([, prefix, version]) => {
		const lists = Array.from({ length: 8 }, () => Array.from({ length: 3000 }, () => prefix(random)));
		const policy = withLists(lists);
		const { rows, meta } = compile(policy, OPTIONS);
		expect(version === 4 ? meta.intervals.v4 : meta.intervals.v6).toBeGreaterThan(20_000);
		const compiled = new CompiledPolicy(rows);
		for (const list of lists)
			for (let i = 0; i < 3000; i += 30) for (const address of edges(list[i]!)) expectSame(policy, compiled, address);
	});

	test("the time for a million grows in proportion to their number", { timeout: 60_000 }, () => {
		const perPrefix = (count: number) => {
			const list = Array.from({ length: count }, () => prefixV4(random)).join("\n");
			const { user, system } = process.threadCpuUsage();
			const { meta } = compile(read(oneList("cidr"), { big: list }), OPTIONS);
			expect(meta.prefixes.v4).toBe(count);
			const used = process.threadCpuUsage();
			return (used.user + used.system - user - system) / count;
		};
		const few = Math.min(...[1, 2, 3].map(() => perPrefix(50_000)));
		expect(perPrefix(1_000_000)).toBeLessThan(5 * few);
	});

	function small(version: 4 | 6, first: bigint): string {
		const host = BigInt(random() % 7);
		const start = ((first + BigInt(random() % 64)) >> host) << host;
		return `${addressOf(version, start)}/${(version === 4 ? 32n : 128n) - host}`;
	}

	function withLists(lists: string[][]): Policy {
		const names = lists.map((_, i) => `l${i}`);
		const text = `version: 1
mode: enforce
lists: { ${names.map((name) => `${name}: { file: ${name} }`).join(", ")} }
groups:
  - name: g
    rules:
${names.map((name) => `      - { name: ${name}, action: deny, to: { cidr: "@${name}" } }\n`).join("")}`;
		return read(text, Object.fromEntries(lists.map((list, i) => [`l${i}`, list.join("\n")])));
	}

	function expectSame(policy: Policy, compiled: CompiledPolicy, address: string): void {
		const said = evaluate(policy, { ...connection, address });
		if (compiled.decide({ ...connection, address }).rule === (said.rule?.index ?? null)) return;
		expect.fail(
			`${address}: rule ${said.rule?.index}, but the rows say ${compiled.decide({ ...connection, address }).rule}`,
		);
	}
});

describe("names", () => {
	test("30,000 names are found, and no others", () => {
		const names = Array.from({ length: 30_000 }, (_, i) => `${i % 3 ? "" : "*."}n${i}.example.com`);
		const policy = read(oneList("domain"), { big: names.join("\n") });
		const { rows, meta } = compile(policy, OPTIONS);
		const compiled = new CompiledPolicy(rows);
		expect(meta).toMatchObject({ names: 30_000, shapes: 2, keys: 30_000, buckets: 8192 });
		const denied = (name: string) =>
			compiled.decide({ ...connection, address: "1.1.1.1", phase: "dns", name }).action === "deny";
		expect(names.filter((name) => !denied(name.replace("*", "any")))).toEqual([]);
		expect(names.slice(0, 3000).filter((name) => denied(`x.y.${name.replace("*", "any")}`))).toEqual([]);
	});
});

/** The first and last address of a prefix, and the addresses next to them. */
function edges(prefix: string): string[] {
	const [text, length] = prefix.split("/") as [string, string];
	const address = parseAddress(text)!;
	const bits = address.version === 4 ? 32n : 128n;
	const first = [address.w0, address.w1, address.w2, address.w3].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
	const last = first | ((1n << (bits - BigInt(length))) - 1n);
	return [first, last, first - 1n, last + 1n].map((value) => addressOf(address.version, value));
}

function addressOf(version: 4 | 6, value: bigint): string {
	const word = (shift: bigint) => Number((value >> shift) & 0xffffffffn);
	return formatAddress({ version, w0: word(96n), w1: word(64n), w2: word(32n), w3: word(0n) });
}

function prefixV4(random: () => number): string {
	const length = [14, 20, 22, 24, 28, 30, 31, 32][random() % 8]! + (random() % 50 ? 0 : -4);
	const host = BigInt(32 - length);
	return `${addressOf(4, (BigInt(random() >>> 2) >> host) << host)}/${length}`;
}

/** Prefixes below 2001::/20 with few bits in each word, so that they nest. */
function prefixV6(random: () => number): string {
	const length = BigInt([32, 40, 48, 64, 65, 96, 112, 127, 128][random() % 9]!);
	const words = [0x20010000 | (random() & 0x0fff), random() & 0x000f00ff, random() & 0xff, random() & 0xffff];
	const value = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
	return `${addressOf(6, (value >> (128n - length)) << (128n - length))}/${length}`;
}

/** xorshift32, with the same numbers in every run. */
function generator(): () => number {
	let state = 0x9e3779b9;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return state >>> 0;
	};
}
