import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { BuildTimeoutError, PolicyThread } from "../../../src/enforce/policy-thread.ts";

let thread: PolicyThread;
afterEach(() => thread.close());

const POLICY = { text: "version: 1\nmode: observe\n", source: "policy.yaml" };
const LISTS = { folder: "/" };

test("a request made while the idle thread ends is handled by a new one", async () => {
	thread = new PolicyThread(1);
	for (let round = 0; round < 5; round++) {
		await expect(thread.check(POLICY, LISTS)).resolves.toBeDefined();
		await sleep(2);
	}
}, 120_000);

test("a request that takes too long is reported as such, and the next one is answered", async () => {
	thread = new PolicyThread(1_000, 1);
	await expect(thread.check(POLICY, LISTS)).rejects.toBeInstanceOf(BuildTimeoutError);
	await thread.close();
	thread = new PolicyThread();
	await expect(thread.check(POLICY, LISTS)).resolves.toBeDefined();
}, 120_000);
