/**
 * P5: the cost of parsing a ClientHello and judging its name, by BPF_PROG_TEST_RUN with a warm cache, without a socket or
 * record. The cost of the test call itself is measured with an empty input and subtracted.
 */
import { PARSE_KIND, PARSE_REQUEST } from "../../src/native/layout.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import type { Connection } from "../../src/policy/evaluate/evaluate.ts";
import { parsePolicy } from "../../src/policy/read/parse.ts";
import { Scratch } from "../native/scratch.ts";
import { Judge } from "../support/judge.ts";
import { clientHello, POST_QUANTUM_KEY_SHARE, padding, records, serverName, VERSIONS } from "../support/tls-hello.ts";
import { worldEnvironment } from "../unit/policy/world.ts";
import type { Row } from "./measures.ts";
import { median } from "./rounds.ts";

const HASH_KEY = [1, 2, 3, 4] as const;
const RUNS = 20_000;
const NAME = "api.model.example";
const OTHERS = Array.from({ length: 12 }, (_, index) => ({ type: 1000 + index, data: Buffer.alloc(8) }));
const HELLOS = [
	["517 bytes, 15 extensions, the name last", [VERSIONS, ...OTHERS, padding(245), serverName(NAME)]],
	[
		"1.7 kB, post-quantum, the name last",
		[VERSIONS, ...OTHERS, padding(180), POST_QUANTUM_KEY_SHARE, serverName(NAME)],
	],
] as const;
/** enum sp_reader_kind: the first byte has been classified. */
const TLS = 1;

const POLICY = JSON.stringify({
	version: 1,
	mode: "enforce",
	defaults: { dns: "allow", connect: "deny", tls: "deny", http: "allow" },
	groups: [
		{
			name: "bench",
			priority: 1,
			rules: [
				{ name: "many", action: "allow", to: { domain: Array.from({ length: 1_000 }, (_, i) => `n${i}.example`) } },
				{ name: "model", action: "allow", to: { domain: "*.model.example", ports: 443 } },
			],
		},
	],
});

/** `rounds`: number of medians, each over 20,000 runs. */
export async function p5(rounds: number): Promise<Row[]> {
	const scratch = new Scratch();
	try {
		const kernel = scratch.load({ detached: true });
		const parsed = parsePolicy(POLICY, "bench", worldEnvironment);
		if (!parsed.ok) throw new Error("the bench's policy does not parse");
		const slots = parsed.policy.rules.map((_, index) => index);
		kernel.installPolicy(compile(parsed.policy, { generation: 1, hashKey: HASH_KEY, slots }).rows, 1);
		const judge = new Judge(kernel, HASH_KEY);
		const asked: Connection = {
			...{ phase: "tls", address: "192.0.2.1", port: 443, protocol: 6, name: NAME, learned: [NAME] },
			...{ who: { exe: null, uid: 0, cgroup: null }, trustedResolver: false, dnsMessage: false },
		};
		const decide = () => judge.ask(asked, RUNS).durationNs;
		const times = (work: () => number) => median(Array.from({ length: rounds }, work));
		const decision = times(decide);
		const rows: Row[] = [
			{ goal: "P5", what: "the decision by name, 1,000 names", value: decision, unit: "ns", atMost: null },
		];
		for (const [what, extensions] of HELLOS) {
			const stream = records(clientHello(extensions));
			const reading = (bytes: number) => {
				const request = Buffer.alloc(PARSE_REQUEST.bytes);
				request[PARSE_REQUEST.kind] = PARSE_KIND.stream;
				request[PARSE_REQUEST.isTiming] = 1;
				request[PARSE_REQUEST.reader] = TLS;
				request.writeUInt32LE(bytes, PARSE_REQUEST.end);
				const question = Buffer.concat([request, stream]);
				return times(() => kernel.testRun("parse", question, RUNS).durationNs);
			};
			const read = reading(stream.length) - reading(0);
			rows.push({
				goal: "P5",
				what: `a hello of ${what}, read and judged`,
				value: read + decision,
				unit: "ns",
				atMost: 1_000,
			});
		}
		return rows;
	} finally {
		scratch.close();
	}
}
