/** Names that the daemon keeps resolved. */
import { createSocket } from "node:dgram";
import { decode } from "dns-packet";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { addressText, type Packed, packAddress } from "../../../src/base/address.ts";
import { LIMITS, type WarmUp } from "../../../src/base/config.ts";
import { exactNames, NameKeeper } from "../../../src/enforce/name-keeper.ts";
import type { Found } from "../../../src/enforce/query-addresses.ts";
import { LEARN_REQUEST } from "../../../src/native/layout.ts";
import type { Policy } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { encodeReply } from "../../support/dns-encode.ts";
import { worldEnvironment } from "../policy/world.ts";

const LOG = { debug() {}, info() {}, warn() {}, error() {} };

function policyOf(...rules: readonly object[]): Policy {
	const text = JSON.stringify({ version: 1, groups: [{ name: "g", rules }] });
	const parsed = parsePolicy(text, "p.yaml", worldEnvironment);
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	return parsed.policy;
}

interface Given {
	readonly answers?: Record<string, readonly Found[]>;
	readonly unanswered?: readonly string[];
	/** A real resolver that receives queries. */
	readonly resolver?: string;
}

function stand(how: WarmUp, { answers = {}, unanswered = [], resolver }: Given = {}) {
	const learned: string[] = [];
	const asked: string[] = [];
	const logged: unknown[] = [];
	const given = { answers, unanswered };
	let flushes = 0;
	const keeper = new NameKeeper({
		kernel: {
			testRun: (_program, data) => {
				const request = Buffer.from(data);
				const end = LEARN_REQUEST.name + request.readUInt16LE(LEARN_REQUEST.nameLength);
				const name = request.toString("latin1", LEARN_REQUEST.name, end);
				const address = request.toString("latin1", LEARN_REQUEST.address, LEARN_REQUEST.address + 16);
				const netns = request.readBigUInt64LE(LEARN_REQUEST.netns);
				const where = netns === 0n ? "" : ` in ${netns}`;
				learned.push(`${name} ${addressText(address)} ${request.readUInt32LE(LEARN_REQUEST.ttl)}${where}`);
				request.writeUInt8(1, LEARN_REQUEST.learned);
				return { retval: 0, durationNs: 0, data: request };
			},
		},
		how,
		resolvers: () => [resolver ?? "192.0.2.53"],
		log: { ...LOG, info: (_, fields) => void logged.push(fields) },
		now: () => Date.now(),
		random: () => 0,
		...(resolver === undefined && {
			query: async (name) => {
				asked.push(name);
				return { found: given.answers[name] ?? [], unanswered: given.unanswered.includes(name) };
			},
		}),
		flush: async () => {
			flushes++;
			return ["nscd"];
		},
	});
	onTestFinished(() => keeper.close());
	return { keeper, learned, asked, logged, given, flushes: () => flushes };
}

/** Advances the clock, and returns the queries since the last call. */
async function after(seconds: number, { asked }: { asked: string[] }): Promise<string[]> {
	await vi.advanceTimersByTimeAsync(seconds * 1_000);
	return asked.splice(0);
}

beforeEach(() => {
	vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
	vi.useRealTimers();
});

const POLICY = policyOf(
	{ name: "a", action: "allow", to: { domain: ["api.example.com", "*.example.com", "db.example.com"] } },
	{ name: "b", action: "deny", to: { domain: "bad.example.com" } },
	{ name: "c", action: "allow", to: { preset: "encrypted-dns" } },
);

test("names that a policy allows are resolved; wildcards, denials and presets are not", () => {
	expect(exactNames(POLICY)).toEqual(["api.example.com", "db.example.com"]);
});

const ONE = policyOf({ name: "a", action: "allow", to: { domain: "api.example.com" } });
const API = { "api.example.com": [{ address: "192.0.2.1", ttl: 300 }] };

test("a resolved name is added with its TTL, and resolved again before the TTL ends", async () => {
	const all = stand("resolve", {
		answers: {
			"api.example.com": [
				{ address: "192.0.2.1", ttl: 300 },
				{ address: "2001:db8::1", ttl: 200 },
			],
		},
	});
	all.keeper.keep(POLICY);
	expect((await after(0, all)).sort()).toEqual(["api.example.com", "db.example.com"]);
	expect(all.learned).toEqual(["api.example.com 192.0.2.1 300", "api.example.com 2001:db8::1 200"]);
	expect(all.logged).toEqual([{ names: 2, addresses: 2, unanswered: 0, leftOut: 0 }]);
	/* 0.7 * (200 + grace 30) = 161 */
	expect((await after(160, all)).filter((name) => name.startsWith("api"))).toEqual([]);
	expect((await after(2, all)).filter((name) => name.startsWith("api"))).toEqual(["api.example.com"]);
	all.keeper.keep(POLICY);
	expect(await after(0, all), "the same policy again").toEqual([]);
});

test("an address that later answers lack is kept for an hour after its last use", async () => {
	const all = stand("resolve", { answers: API });
	all.keeper.keep(ONE);
	await after(0, all);
	all.given.answers = { "api.example.com": [{ address: "192.0.2.2", ttl: 300 }] };
	await after(1_800, all);
	all.keeper.used("api.example.com", packed("192.0.2.1"), 7);
	all.keeper.used("api.example.com", packed("192.0.2.9"), 7);
	all.keeper.used("other.example.com", packed("192.0.2.1"), 7);
	all.learned.length = 0;
	await after(3_000, all);
	expect(new Set(all.learned)).toEqual(
		new Set(
			["192.0.2.1 300", "192.0.2.1 30", "192.0.2.2 300", "192.0.2.2 30"].map((each) => `api.example.com ${each}`),
		),
	);
	await after(1_000, all);
	all.learned.length = 0;
	await after(1_000, all);
	expect(new Set(all.learned)).toEqual(new Set(["api.example.com 192.0.2.2 300", "api.example.com 192.0.2.2 30"]));
});

test("an address that a trusted resolver gave to a program is kept in the namespace of the program", async () => {
	const all = stand("resolve", { answers: API });
	all.keeper.keep(ONE);
	await after(0, all);
	all.keeper.answered("api.example.com", packed("192.0.2.7"), 7);
	all.keeper.answered("other.example.com", packed("192.0.2.8"), 7);
	await after(300, all);
	expect(all.learned).toContain("api.example.com 192.0.2.7 300 in 7");
	expect(all.learned.join()).not.toContain("192.0.2.8");
});

test("while no resolver answers, addresses stay, and queries become less frequent", async () => {
	const all = stand("resolve", { answers: API });
	all.keeper.keep(ONE);
	await after(0, all);
	all.given.answers = {};
	all.given.unanswered = ["api.example.com"];
	/* 0.7 * (300 + grace 30) = 231; then 1, 2, 4, ... 32, 60, 60, ... */
	expect((await after(232, all)).length).toBe(2);
	expect(all.keeper.kept).toEqual({ kept: 1, unanswered: 1, leftOut: 0 });
	expect((await after(600, all)).length).toBe(13);
	all.learned.length = 0;
	await after(120, all);
	expect(all.learned).toContain("api.example.com 192.0.2.1 300");
	await after(3_600, all);
	all.learned.length = 0;
	await after(120, all);
	expect(all.learned).toEqual([]);
	expect(all.keeper.counts.failed).toBeGreaterThan(60);
});

test("an unanswered name is queried again at once with a later policy, and the log has the number of such names", async () => {
	const all = stand("resolve", { unanswered: ["db.example.com"] });
	all.keeper.keep(POLICY);
	await after(0, all);
	expect(all.logged).toEqual([{ names: 2, addresses: 0, unanswered: 1, leftOut: 0 }]);
	all.keeper.keep(POLICY);
	expect(await after(0, all)).toEqual(["db.example.com"]);
});

test("a name that a later policy lacks is no longer resolved", async () => {
	const all = stand("resolve", { answers: API });
	all.keeper.keep(POLICY);
	await after(0, all);
	all.keeper.keep(policyOf({ name: "b", action: "allow", to: { domain: "new.example.com" } }));
	expect(new Set(await after(1_000, all))).toEqual(new Set(["new.example.com"]));
	expect(all.keeper.kept.kept).toBe(1);
	all.keeper.close();
	expect(await after(1_000, all)).toEqual([]);
});

test("a lost query is repeated", async () => {
	vi.useRealTimers();
	const server = createSocket("udp4");
	const lost = new Set<string>();
	server.on("message", (message, { port }) => {
		const { id = 0, questions: [{ name = "", type = "" } = {}] = [] } = decode(message);
		if (!lost.has(type)) return void lost.add(type);
		const answers = type === "A" ? [{ name, type, data: "192.0.2.1" }] : [];
		server.send(encodeReply({ id, flags: 0x180, question: { name, type }, answers, edns: false }), port);
	});
	await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
	try {
		const { keeper, learned, logged } = stand("resolve", { resolver: `127.0.0.1:${server.address().port}` });
		keeper.keep(ONE);
		await vi.waitFor(() => expect(logged).toEqual([{ names: 1, addresses: 1, unanswered: 0, leftOut: 0 }]), 10_000);
		expect(learned).toEqual(["api.example.com 192.0.2.1 60"]);
	} finally {
		server.close();
	}
});

test("caches are flushed only if the policy has names, and nothing happens if warm-up is off", async () => {
	const flush = stand("flush");
	await flush.keeper.flush(policyOf({ name: "x", action: "allow", to: { ports: 443 } }));
	expect(flush.flushes()).toBe(0);
	await flush.keeper.flush(POLICY);
	flush.keeper.keep(POLICY);
	expect([flush.flushes(), await after(10, flush)]).toEqual([1, []]);
	const none = stand("none");
	await none.keeper.flush(POLICY);
	none.keeper.keep(POLICY);
	expect([none.flushes(), await after(10, none)]).toEqual([0, []]);
});

test("the number of kept names is limited, and so are the queries at a time", async () => {
	const domain = Array.from({ length: LIMITS.keptNames + 10 }, (_, i) => `n${i}.example.com`);
	const all = stand("resolve");
	all.keeper.keep(policyOf({ name: "a", action: "allow", to: { domain } }));
	expect(all.asked.length).toBe(LIMITS.resolvedAtOnce);
	expect((await after(10, all)).length).toBe(LIMITS.keptNames);
	expect(all.keeper.kept).toEqual({ kept: LIMITS.keptNames, unanswered: 0, leftOut: 10 });
});

function packed(address: string): Packed {
	const value = packAddress(address);
	if (value === null) throw new Error(address);
	return value;
}
