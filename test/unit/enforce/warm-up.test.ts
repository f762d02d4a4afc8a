/** Names resolved before the daemon started. */
import { createSocket } from "node:dgram";
import { decode } from "dns-packet";
import { expect, test } from "vitest";
import { LIMITS, type WarmUp } from "../../../src/base/config.ts";
import { exactNames, type Found, Warmer } from "../../../src/enforce/warm-up.ts";
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

function stand(what: WarmUp, { answers = {}, unanswered = [], resolver }: Given = {}) {
	const learned: string[] = [];
	const asked: string[] = [];
	const said: unknown[] = [];
	let flushes = 0;
	const warmer = new Warmer({
		kernel: {
			testRun: (_program, data) => {
				const request = Buffer.from(data);
				const name = request.toString(
					"latin1",
					LEARN_REQUEST.name,
					LEARN_REQUEST.name + request.readUInt16LE(LEARN_REQUEST.nameLength),
				);
				learned.push(
					`${name} ${request.toString("hex", LEARN_REQUEST.address, LEARN_REQUEST.address + 16)} ${request.readUInt32LE(LEARN_REQUEST.ttl)}`,
				);
				request.writeUInt8(1, LEARN_REQUEST.learned);
				return { retval: 0, durationNs: 0, data: request };
			},
		},
		what,
		resolvers: () => [resolver ?? "192.0.2.53"],
		log: { ...LOG, info: (_, fields) => void said.push(fields) },
		...(resolver === undefined && {
			lookup: async (name) => {
				asked.push(name);
				return { found: answers[name] ?? [], unanswered: unanswered.includes(name) };
			},
		}),
		flush: async () => {
			flushes++;
			return ["nscd"];
		},
	});
	return { warmer, learned, asked, said, flushes: () => flushes };
}

const POLICY = policyOf(
	{ name: "a", action: "allow", to: { domain: ["api.example.com", "*.example.com", "db.example.com"] } },
	{ name: "b", action: "deny", to: { domain: "bad.example.com" } },
	{ name: "c", action: "allow", to: { preset: "encrypted-dns" } },
);

test("names that a policy allows are resolved; wildcards, denials and presets are not", () => {
	expect(exactNames(POLICY)).toEqual(["api.example.com", "db.example.com"]);
});

test("a resolved name is added with its TTL, each name once", async () => {
	const { warmer, learned, asked } = stand("resolve", {
		answers: {
			"api.example.com": [
				{ address: "192.0.2.1", ttl: 300 },
				{ address: "2001:db8::1", ttl: 5 },
			],
		},
	});
	await warmer.resolve(POLICY);
	await warmer.resolve(POLICY);
	expect(asked.sort()).toEqual(["api.example.com", "db.example.com"]);
	expect(learned).toEqual([
		"api.example.com 00000000000000000000ffffc0000201 300",
		"api.example.com 20010db8000000000000000000000001 5",
	]);
});

test("an unanswered name is queried again with a later policy, and the log has the number of such names", async () => {
	const { warmer, asked, said } = stand("resolve", { unanswered: ["db.example.com"] });
	await warmer.resolve(POLICY);
	expect(said).toEqual([{ names: 2, addresses: 0, unanswered: 1, leftOut: 0 }]);
	asked.length = 0;
	await warmer.resolve(POLICY);
	expect(asked).toEqual(["db.example.com"]);
});

test("a lost query is repeated", async () => {
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
		const { warmer, learned, said } = stand("resolve", { resolver: `127.0.0.1:${server.address().port}` });
		await warmer.resolve(policyOf({ name: "a", action: "allow", to: { domain: "api.example.com" } }));
		expect(learned).toEqual(["api.example.com 00000000000000000000ffffc0000201 60"]);
		expect(said).toEqual([{ names: 1, addresses: 1, unanswered: 0, leftOut: 0 }]);
	} finally {
		server.close();
	}
});

test("caches are flushed only if the policy has names, and nothing happens if warm-up is off", async () => {
	const flush = stand("flush");
	await flush.warmer.flush(policyOf({ name: "x", action: "allow", to: { ports: 443 } }));
	expect(flush.flushes()).toBe(0);
	await flush.warmer.flush(POLICY);
	await flush.warmer.resolve(POLICY);
	expect([flush.flushes(), flush.asked]).toEqual([1, []]);
	const none = stand("none");
	await none.warmer.flush(POLICY);
	await none.warmer.resolve(POLICY);
	expect([none.flushes(), none.asked]).toEqual([0, []]);
});

test("the number of queried names of a long list is limited", async () => {
	const domain = Array.from({ length: LIMITS.resolvedNames + 10 }, (_, i) => `n${i}.example.com`);
	const { warmer, asked } = stand("resolve");
	await warmer.resolve(policyOf({ name: "a", action: "allow", to: { domain } }));
	expect(asked.length).toBe(LIMITS.resolvedNames);
});
