import { expect, test } from "vitest";
import { Refusal } from "../../../src/api/problem-details.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { policyPort } from "../../../src/daemon/policy-port.ts";
import { BuildTimeoutError } from "../../../src/enforce/policy-process.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

test("a policy that is not checked in time is not called invalid", async () => {
	const late = () => Promise.reject(new BuildTimeoutError());
	const policy = new PolicyService({
		kernel: new FakeKernel(),
		build: late,
		layer: late,
		slots: new SlotBook(null),
		hashKey: [1, 2, 3, 4],
		generation: 0,
		forceObserve: false,
		keepGenerations: 3,
		log: jsonLogger(() => {}),
	});
	const facts = { learned: () => [], addressesOf: () => [], trusted: () => false };
	const port = policyPort({
		policy,
		check: late,
		reload: () => policy.load("version: 1\n", "policy.yaml", "file"),
		facts: facts as never,
	});
	for (const request of [
		() => port.load("version: 1\n", () => true),
		() => port.check("version: 1\n"),
		() => port.reload(),
	]) {
		const refusal = await request().catch((error: unknown) => error);
		expect(refusal).toBeInstanceOf(Refusal);
		expect(refusal).toMatchObject({ status: 503, slug: "policy-timeout", headers: { "retry-after": "60" } });
	}
	expect(policy).toMatchObject({ healthy: false, counts: { loaded: 0, refused: 2 } });
});
