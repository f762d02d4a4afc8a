/** The development launcher and the package start Node with the same options, so measurements of one apply to the other. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NODE, NODE_FLAGS } from "../../../scripts/command.mjs";
import { PolicyProcess } from "../../../src/enforce/policy-process.ts";

const ROOT = join(import.meta.dirname, "../../..");
let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-launchers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function executable(path: string, text: string): string {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, text);
	chmodSync(path, 0o755);
	return path;
}

/** The command line with which Node would start. */
function startOf(launcher: string, node: string): { switches: string[]; arena: string; cache: string; last: string } {
	executable(node, '#!/bin/sh\nprintf "%s\\n" "$MALLOC_ARENA_MAX" "$NODE_COMPILE_CACHE" "$@"\n');
	const env = { PATH: "/usr/bin:/bin" };
	const lines = execFileSync(launcher, ["status"], { encoding: "utf8", env }).trimEnd().split("\n");
	const [arena = "", cache = "", ...args] = lines;
	return { arena, cache, switches: args.filter((each) => each.startsWith("--")), last: args.at(-1) ?? "" };
}

test("both start Node with the same options, one malloc arena and a compile cache", () => {
	const development = startOf(
		executable(join(folder, "scripts/sallyport"), readFileSync(join(ROOT, "scripts/sallyport"), "utf8")),
		join(folder, "node_modules/.bin/node"),
	);
	const node = join(folder, "usr/lib/sallyport/node");
	const text = readFileSync(join(ROOT, "systemd/sallyport.sh"), "utf8");
	expect(text).toContain("/usr/lib/sallyport/node ");
	const packaged = startOf(
		executable(join(folder, "sallyport.sh"), text.replace("/usr/lib/sallyport/node ", `${node} `)),
		node,
	);
	for (const { arena, cache, last } of [development, packaged]) {
		expect(arena).toBe("1");
		expect(cache).not.toBe("");
		expect(last).toBe("status");
	}
	expect(development.switches).toEqual(expect.arrayContaining([...NODE_FLAGS]));
	expect(packaged.switches).toEqual(development.switches);
});

test("Node runs without memory protection keys: it knows the option, and the tests and the policy process have it", async () => {
	expect(NODE_FLAGS).toEqual(["--no-memory-protection-keys"]);
	const options = execFileSync(NODE, ["--v8-options"], { encoding: "utf8" });
	expect(options).toMatch(/--memory-protection-keys .*\n.*default: --memory-protection-keys/);
	expect(execFileSync(NODE, [...NODE_FLAGS, "-p", "1"], { encoding: "utf8" })).toBe("1\n");
	expect(process.execArgv).toEqual(expect.arrayContaining([...NODE_FLAGS]));

	const policies = new PolicyProcess();
	try {
		const checked = policies.check({ text: "version: 1\n", source: "policy.yaml" }, { folder: "/" });
		/* The process lives only as long as the check. */
		await expect
			.poll(childCommands, { interval: 5 })
			.toContainEqual(expect.arrayContaining([...NODE_FLAGS, expect.stringContaining("policy-child.ts")]));
		await checked;
	} finally {
		policies.close();
	}
});

/** The command lines of this process's children, without those that have ended meanwhile. */
function childCommands(): string[][] {
	const pids = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ");
	return pids.flatMap((pid) => {
		try {
			return [readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")];
		} catch {
			return [];
		}
	});
}
