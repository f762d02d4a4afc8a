/** Policies and lists whose read would never end: refused in time, and the next load succeeds. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LIMITS } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { PolicyProcess } from "../../../src/enforce/policy-process.ts";
import { PolicyService } from "../../../src/enforce/policy-service.ts";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { canHang, hungMount } from "../../support/hung-mount.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

if (!canHang) console.warn("SKIPPED: no root or no /dev/fuse, so no file system hangs");

let folder: string;
let file: string;
let builder: PolicyProcess;
let service: PolicyService;
let log: string[];
const cleanup: (() => void)[] = [];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	file = join(folder, "policy.yaml");
	log = [];
	open(30_000);
});
afterEach(() => {
	for (const step of cleanup.splice(0).reverse()) step();
	rmSync(folder, { recursive: true, force: true });
});

function open(timeout: number): void {
	builder = new PolicyProcess({ timeout });
	cleanup.push(() => builder.close());
	service = new PolicyService({
		kernel: new FakeKernel(),
		build: (request) => builder.build(request, { folder }),
		layer: (request) => builder.layer(request),
		slots: new SlotBook(null),
		hashKey: [1, 2, 3, 4],
		generation: 0,
		forceObserve: false,
		keepGenerations: 8,
		readTimeout: 500,
		log: jsonLogger((line) => log.push(line)),
	});
}

/** The problem of a load, which is logged and in the status. */
async function refusal(load = service.loadFile(file)): Promise<string> {
	const result = await load;
	if (result === null || result.ok) throw new Error("the policy is in force");
	expect(service.lastFailure?.problems).toEqual(result.problems);
	const text = result.problems.map(renderProblem).join("\n").replaceAll(folder, "");
	expect(log.at(-1)).toContain("policy refused");
	return text;
}

async function nextLoadSucceeds(): Promise<void> {
	rmSync(file, { force: true });
	writeFileSync(file, "version: 1\n");
	expect(await service.loadFile(file)).toMatchObject({ ok: true });
	expect(service.healthy).toBe(true);
}

const LISTED = (list: string) =>
	`version: 1\nlists:\n  many: { file: ${list} }\ngroups: [{ name: g, rules: [{ name: r, action: deny, to: { cidr: "@many" } }] }]\n`;

test.each([
	["a FIFO", () => execFileSync("mkfifo", [file])],
	["a device", () => symlinkSync("/dev/zero", file)],
	["a directory", () => execFileSync("mkdir", [file])],
])(
	"a policy file that is %s",
	async (kind, make) => {
		make();
		expect(await refusal()).toBe(`/policy.yaml:1:1: cannot be read: it is ${kind}, not a regular file`);
		expect(await refusal(service.loadFileIfChanged(file) as never)).toContain(kind);
		rmSync(file, { recursive: true });
		await nextLoadSucceeds();
	},
	60_000,
);

test("a policy file beyond the limit of its bytes", async () => {
	writeFileSync(file, `version: 1\n#${"x".repeat(LIMITS.policyBytes)}`);
	expect(await refusal()).toContain(`it has ${LIMITS.policyBytes + 12} bytes; the limit is ${LIMITS.policyBytes}`);
	await nextLoadSucceeds();
}, 60_000);

test.each([
	["a FIFO", (path: string) => execFileSync("mkfifo", [path])],
	["a device", (path: string) => symlinkSync("/dev/zero", path)],
])(
	"a list file that is %s, at its position in the policy",
	async (kind, make) => {
		make(join(folder, "many.txt"));
		writeFileSync(file, LISTED("many.txt"));
		expect(await refusal()).toBe(
			`/policy.yaml:3:17: cannot read the list "many.txt": it is ${kind}, not a regular file`,
		);
		await nextLoadSucceeds();
	},
	60_000,
);

test.skipIf(!canHang)(
	"a policy file on a file system that hangs, and again while the first read waits",
	async () => {
		const hung = join(folder, "hung");
		cleanup.push(hungMount(hung));
		symlinkSync(join(hung, "policy.yaml"), file);
		expect(await refusal()).toBe(
			"/policy.yaml:1:1: cannot be read: it was not read within 0.5 s; its file system hangs",
		);
		expect(await refusal()).toContain("an earlier read of it has not ended");
		const other = join(folder, "other.yaml");
		writeFileSync(other, "version: 1\n");
		expect(await service.loadFile(other)).toMatchObject({ ok: true });
		cleanup.pop()?.();
		await expect.poll(() => refusal()).toContain("no such file");
		await nextLoadSucceeds();
	},
	60_000,
);

test.skipIf(!canHang)(
	"a list file on a file system that hangs is named, and the next load does not wait",
	async () => {
		open(8_000);
		const hung = join(folder, "hung");
		cleanup.push(hungMount(hung));
		writeFileSync(file, LISTED("hung/many.txt"));
		expect(await refusal()).toBe(
			'/policy.yaml:1:1: the policy was not checked in time; the list that was read last is "hung/many.txt", whose file system may hang',
		);
		open(30_000);
		await nextLoadSucceeds();
	},
	60_000,
);
