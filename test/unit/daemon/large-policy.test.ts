/** A policy of a million prefixes is read, checked and compiled without delaying the daemon. */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { POLICY_HEAD } from "../../../src/native/layout.ts";
import { longestStall } from "../../support/loop.ts";
import { sleep } from "../../support/run.ts";
import { Daemons, onCgroup2 } from "../support/daemons.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const COUNT = 1_000_000;
const LARGE = `version: 1
mode: enforce
lists: { many: { file: many.txt } }
defaults: { connect: deny }
groups:
  - name: g
    rules:
      - { name: many, action: allow, to: { cidr: "@many" } }
      - { name: again, action: deny, to: { cidr: "@many", ports: 25 } }
`;

let daemons: Daemons;
beforeEach(() => {
	daemons = new Daemons("version: 1\n");
	const file = openSync(join(daemons.folder, "many.txt"), "w");
	for (let at = 0; at < COUNT; at += 1_000)
		writeSync(file, Array.from({ length: 1_000 }, (_, index) => prefix(at + index)).join(""));
	closeSync(file);
});
afterEach(() => daemons.close());

/* With a gap after each, because adjacent prefixes would become one interval. */
function prefix(index: number): string {
	const address = 0x0b00_0000 + index * 32;
	return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}/28\n`;
}

/**
 * Largest fraction of the build's duration for which the event loop is blocked. A build on the event loop would block it for
 * most of the time.
 */
const STALL = 0.2;
/** The minimum of these rounds counts: garbage is collected in some of them. */
const ROUNDS = 3;

onCgroup2("PUT of 1,000,000 prefixes does not block the event loop, and /healthz answers meanwhile", async () => {
	const kernel = new FakeKernel();
	await daemons.start(kernel);
	const stalls: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const alone = await rateOf(() => sleep(200));
		const { answers, took, stall } = await put();
		expect(answers / took, "answers/ms, against the rate without a PUT").toBeGreaterThan(alone / 5);
		stalls.push(stall / took);
	}
	expect(kernel.installed).toEqual([1, 2, 3, 4]);
	expect(kernel.policy?.readUInt32LE(POLICY_HEAD.generation)).toBe(4);
	expect(Math.min(...stalls)).toBeLessThan(STALL);
	const question = JSON.stringify({ to: { address: "11.0.0.33", port: 443 } });
	const json = { "content-type": "application/json" };
	const explained = await daemons.ask("POST", "/v1/policy/explain", question, json);
	expect(JSON.parse(explained.text)).toMatchObject({ verdict: "allow", phases: [{ rule: "many" }] });
});

onCgroup2("a reload of the file does not block the event loop either", async () => {
	const kernel = new FakeKernel();
	const daemon = await daemons.start(kernel);
	writeFileSync(daemons.policyFile, LARGE);
	const stalls: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const began = performance.now();
		const { stall } = await longestStall(() => daemon.reload());
		stalls.push(stall / (performance.now() - began));
	}
	expect(kernel.installed.length).toBeGreaterThan(ROUNDS);
	expect(Math.min(...stalls)).toBeLessThan(STALL);
});

async function put(): Promise<{ answers: number; took: number; stall: number }> {
	const began = performance.now();
	const { result: answers, stall } = await longestStall(() =>
		answersDuring(async () => {
			expect((await daemons.ask("PUT", "/v1/policy", LARGE)).status).toBe(200);
		}),
	);
	return { answers, took: performance.now() - began, stall };
}

/** Responses of /healthz per ms. */
async function rateOf(work: () => Promise<void>): Promise<number> {
	const began = performance.now();
	const answers = await answersDuring(work);
	return answers / (performance.now() - began);
}

/** Queries /healthz until `work` is done, and returns the number of answers. */
async function answersDuring(work: () => Promise<void>): Promise<number> {
	let done = false;
	let answers = 0;
	const working = work().finally(() => {
		done = true;
	});
	while (!done) {
		expect((await daemons.ask("GET", "/healthz")).status).toBe(200);
		answers++;
		await sleep(10);
	}
	await working;
	return answers;
}
