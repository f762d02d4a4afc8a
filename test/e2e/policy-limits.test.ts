/** Policies near each limit, by a real daemon: in force or refused at a place, and the next start succeeds. */
import { writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Stage } from "../support/stage.ts";
import { nearLimits } from "../unit/policy/near-limits.ts";

const POLICIES = 36;
/** Of these, the last is in the policy file at a new start of the daemon. */
const STARTS = 12;

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make("version: 1\n");
});
afterAll(() => stage?.close());

const generation = async () => (await stage.daemon.get<{ generation: number }>("/v1/status")).generation;

async function put(text: string): Promise<boolean> {
	const { daemon } = stage;
	const before = await generation();
	const checked = JSON.parse((await daemon.ask("POST", "/v1/policy/check", text)).text);
	const { status, text: answer } = await daemon.ask("PUT", "/v1/policy", text);
	expect([200, 422], answer).toContain(status);
	expect(checked.ok).toBe(status === 200);
	expect(await generation()).toBe(status === 200 ? before + 1 : before);
	if (status === 422) expect(JSON.parse(answer).problems[0].path).not.toBe("");
	expect((await daemon.ask("GET", "/readyz")).status).toBe(200);
	return status === 200;
}

/** A start succeeds with any file: the policy before stays in force if this one is refused. */
async function restart(text: string): Promise<void> {
	const { daemon } = stage;
	const before = await generation();
	writeFileSync(daemon.policyFile, text);
	daemon.stop();
	await daemon.start();
	const inForce = (await generation()) > before;
	expect((await daemon.ask("GET", "/readyz")).status).toBe(inForce ? 200 : 503);
	writeFileSync(daemon.policyFile, "version: 1\n");
	expect((await daemon.ask("POST", "/v1/policy/reload")).status).toBe(200);
}

test("70 resolvers are refused by check and PUT alike; 48 and then 48 others are in force, also at a start", async () => {
	const resolvers = (count: number, from: number) =>
		JSON.stringify({ version: 1, resolvers: Array.from({ length: count }, (_, at) => `198.51.100.${from + at}`) });
	expect(await put(resolvers(70, 0))).toBe(false);
	expect(await put(resolvers(48, 0))).toBe(true);
	expect(await put(resolvers(48, 100))).toBe(true);
	await restart(resolvers(48, 50));
	await restart(resolvers(70, 0));
}, 180_000);

test("random policies near each limit", async () => {
	const texts = fc.sample(nearLimits, POLICIES);
	const pid = stage.daemon.pid;
	for (const [at, text] of texts.entries()) {
		await put(text);
		if (at % STARTS === STARTS - 1) await restart(text);
	}
	expect(stage.daemon.pid).not.toBe(pid);
}, 900_000);
