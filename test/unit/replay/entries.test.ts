/** Records of findings in captures, and the decisions that a policy would have made. */
import { describe, expect, test } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import type { Environment } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { Entries } from "../../../src/replay/entries.ts";
import type { Conversation, Fact, Finding } from "../../../src/replay/finding.ts";
import { Judge } from "../../../src/replay/judge.ts";
import { Tally, type TallyRow } from "../../../src/replay/tally.ts";

const at = (address: string, port: number) => ({ address: packAddress(address)!, port });
const RESOLVER: Conversation = { protocol: "udp", client: at("192.0.2.1", 5000), server: at("192.0.2.53", 53) };
const WEB: Conversation = { protocol: "tcp", client: at("192.0.2.1", 6000), server: at("198.51.100.7", 443) };
const NAME = "api.model.example";

const hello: Fact = { kind: "hello", via: "tls", how: "named", name: NAME, ech: false };
const message = { kind: "message", id: 1, isBroken: false, questions: [{ name: NAME, type: 1 }] } as const;
const question: Fact = { ...message, isAnswer: false, addresses: [] };
const answer = (ttl: number): Fact => ({
	...message,
	isAnswer: true,
	addresses: [{ address: WEB.server.address, ttl }],
});
const open: Fact = { kind: "open" };
const close: Fact = { kind: "close" };

type Said = readonly [second: number, conversation: Conversation, what: Fact];

const POLICY = `version: 1
mode: observe
defaults: { dns: deny, connect: deny, tls: deny }
ttl: { floor: 0, grace: 0 }
groups:
  - name: g
    rules:
      - { name: model, action: allow, to: { domain: "*.model.example", ports: [443, 53] } }
      - { name: mine, action: allow, from: { cgroup: mine }, to: { ports: 25 } }
`;
const NOWHERE: Environment = { readList: () => Buffer.alloc(0), uidOf: () => null, exeOf: () => [] };

function judge(text = POLICY, cgroup: string | null = null, resolvers: readonly string[] | null = null): Judge {
	const parsed = parsePolicy(text, "policy.yaml", NOWHERE);
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	const trusted = resolvers === null ? null : new Set(resolvers.map((each) => packAddress(each)!));
	return new Judge({ policy: parsed.policy, who: { exe: null, uid: -1, cgroup }, resolvers: trusted });
}

function rows(said: readonly Said[], by: Judge | null = null): readonly TallyRow[] {
	const tally = new Tally();
	const entries = new Entries(by, (entry) => tally.add(entry));
	for (const [index, [second, conversation, what]] of said.entries()) {
		const time = BigInt(second) * 1_000_000_000n;
		const packet = { number: index + 1, time, linkType: 1, bytes: Buffer.alloc(0), length: 0 };
		entries.take({ conversation, packet, byServer: false, ...what } as Finding);
	}
	return tally.rows();
}

const brief = (all: readonly TallyRow[]) =>
	all.map(({ count, name, from, verdict, phase, rule, reason }) => [count, name, from, verdict, phase, rule ?? reason]);

test("equal entries are counted, with names in lower case", () => {
	const other = { ...WEB, client: at("192.0.2.1", 6001) };
	const shouted: Fact = { kind: "hello", via: "tls", how: "named", name: NAME.toUpperCase(), ech: false };
	expect(
		rows([
			[1, WEB, open],
			[2, WEB, hello],
			[3, other, shouted],
			[4, WEB, close],
		]),
	).toEqual([
		{
			...{ count: 2, client: "192.0.2.1", server: "198.51.100.7", port: 443, protocol: "tcp" },
			...{ name: NAME, from: "tls", first: "1970-01-01T00:00:02.000Z", last: "1970-01-01T00:00:03.000Z" },
		},
	]);
});

test("a conversation without a name gets that of DNS, if any; DNS answers are not conversations", () => {
	const unknown = { ...WEB, server: at("198.51.100.8", 443) };
	const said: Said[] = [
		[1, RESOLVER, question],
		[1, RESOLVER, answer(60)],
		[2, WEB, open],
		[3, unknown, open],
		[4, WEB, close],
		[4, unknown, close],
		[5, RESOLVER, close],
	];
	expect(brief(rows(said)).map((row) => row.slice(0, 3))).toEqual([
		[1, NAME, "question"],
		[1, NAME, "dns"],
		[1, null, null],
	]);
});

describe("a policy", () => {
	const asked: Said[] = [
		[1, RESOLVER, open],
		[1, RESOLVER, question],
		[1, RESOLVER, answer(10)],
	];
	const allowed = [1, NAME, "question", "allow", "dns", "model"];

	test("allows by a name that a DNS answer of the capture had, while it is valid", () => {
		const said: Said[] = [...asked, [5, WEB, open], [6, WEB, hello], [7, WEB, close]];
		expect(brief(rows(said, judge()))).toEqual([allowed, [1, NAME, "tls", "allow", "tls", "model"]]);
	});

	test("denies before the answer and after it expires", () => {
		for (const second of [0, 20]) {
			const said: Said[] = [
				[second, WEB, open],
				[second, WEB, hello],
				[second, WEB, close],
			];
			const all = second === 0 ? [...said, ...asked] : [...asked, ...said];
			expect(brief(rows(all, judge()))).toContainEqual([1, NAME, "tls", "deny", "connect", "default"]);
		}
	});

	test("learns only from trusted resolvers", () => {
		const said: Said[] = [...asked, [5, WEB, open], [6, WEB, hello], [7, WEB, close]];
		expect(brief(rows(said, judge(POLICY, null, ["203.0.113.1"])))).toContainEqual([
			...[1, NAME, "tls", "deny", "connect", "default"],
		]);
	});

	test("has a client only if one is given", () => {
		const mail = { ...WEB, server: at("198.51.100.7", 25) };
		const said: Said[] = [
			[1, mail, open],
			[2, mail, close],
		];
		expect(brief(rows(said, judge()))[0]?.slice(3)).toEqual(["deny", "connect", "default"]);
		expect(brief(rows(said, judge(POLICY, "mine")))[0]?.slice(3)).toEqual(["allow", "connect", "mine"]);
	});

	test("denies unreadable messages with the reasons of the kernel", () => {
		for (const [how, reason] of [
			["unnamed", "name_missing"],
			["broken", "unreadable"],
			["cut", "incomplete"],
		] as const) {
			const said: Said[] = [
				...asked,
				[5, WEB, open],
				[6, WEB, { kind: "hello", via: "tls", how, name: null, ech: false }],
			];
			expect(brief(rows(said, judge()))[1]?.slice(3)).toEqual(["deny", "tls", reason]);
		}
	});

	test("that allows a connection for its hello denies one without a hello", () => {
		const sni = `${POLICY}name_binding: sni\n`;
		const said: Said[] = [
			[1, WEB, open],
			[2, WEB, close],
		];
		expect(brief(rows(said, judge(sni)))[0]?.slice(3)).toEqual(["deny", "connect", "model"]);
		const shown: Said[] = [
			[1, WEB, open],
			[2, WEB, hello],
			[3, WEB, close],
		];
		expect(brief(rows(shown, judge(sni)))[0]?.slice(3)).toEqual(["allow", "tls", "model"]);
	});
});

test("unreadable QUIC has no name; packets that no key decrypts are denied by any policy", () => {
	const flow: Conversation = { ...WEB, protocol: "udp" };
	const quic = (how: "unread" | "strange"): Fact => ({ kind: "hello", via: "quic", how, name: null, ech: false });
	const missingHello = (how: "unread" | "strange", text: string) =>
		brief(
			rows(
				[
					[1, flow, open],
					[1, flow, quic(how)],
					[1, flow, close],
				],
				judge(text),
			),
		);
	const open443 = POLICY.replace('domain: "*.model.example", ports: [443, 53]', "ports: 443");
	expect(missingHello("strange", open443)).toEqual([[1, null, "quic", "deny", "tls", "unreadable"]]);
	expect(missingHello("unread", open443)).toEqual([[1, null, "quic", "allow", "tls", "model"]]);
});
