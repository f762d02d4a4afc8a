import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { PolicyThread } from "../../../src/enforce/policy-thread.ts";

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
