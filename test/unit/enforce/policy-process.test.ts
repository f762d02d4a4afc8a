/** Policies are built in another process, which may fail without the daemon. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BuildTimeoutError, CONFINED, PolicyProcess, TooLargeError } from "../../../src/enforce/policy-process.ts";
import { BusyError } from "../../../src/system/turns.ts";
import { until } from "../../support/run.ts";

let folder: string;
let builder: PolicyProcess;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	builder = new PolicyProcess();
});
afterEach(() => {
	builder.close();
	rmSync(folder, { recursive: true, force: true });
});

const POLICY = { text: "version: 1\nmode: observe\n", source: "policy.yaml" };
const LISTS = { folder: "/" };
const BUILD = {
	...POLICY,
	forceObserve: false,
	generation: 1,
	hashKey: [1, 2, 3, 4],
	slots: [],
	overlays: [],
} as const;
/** Some 2,000,000 nodes of YAML in few bytes. */
const HUGE = { text: `a: [${"1,".repeat(2_000_000)}]`, source: "policy.yaml" };

test("a policy is built, and its problems come back with their positions", async () => {
	const built = await builder.build(BUILD, LISTS);
	expect(built).toMatchObject({ ok: true, policy: { mode: "observe" } });
	expect(built.ok && built.rows.length).toBeGreaterThan(128);
	const wrong = await builder.check({ text: "version: 2\n", source: "x.yaml" }, LISTS);
	expect(wrong.problems[0]).toMatchObject({ file: "x.yaml", line: 1, column: 10 });
}, 60_000);

test("a request that takes too long is reported as such, and the next one is answered", async () => {
	const short = new PolicyProcess({ timeout: 1 });
	await expect(short.check(POLICY, LISTS)).rejects.toBeInstanceOf(BuildTimeoutError);
	await expect(builder.check(POLICY, LISTS)).resolves.toBeDefined();
}, 60_000);

test("a policy that needs too much memory is refused with its size, and the next one is answered", async () => {
	const refused = await builder.check(HUGE, LISTS).catch((error: unknown) => error);
	expect(refused).toBeInstanceOf(TooLargeError);
	expect(String(refused)).toContain(`${HUGE.text.length} bytes`);
	await expect(builder.check(POLICY, LISTS)).resolves.toMatchObject({ ok: true });
}, 60_000);

test("a process that the kernel ends had too little memory, whatever the limit of a policy", async () => {
	const checked = builder.check(HUGE, LISTS).catch(String);
	const child = await until("the process", 10_000, () => children()[0]);
	process.kill(child, "SIGKILL");
	expect(await checked).toContain("more memory to be checked than the host or the unit has left");
	await expect(builder.check(POLICY, LISTS)).resolves.toMatchObject({ ok: true });
}, 60_000);

function children(): number[] {
	return readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
}

test("memory outside of V8's heap counts as well", async () => {
	const entries = Array.from({ length: 200_000 }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}\n`);
	writeFileSync(join(folder, "list.txt"), entries.join(""));
	const text =
		"version: 1\nlists: { l: { file: list.txt } }\ngroups: [{ name: g, rules: [{ name: r, to: { cidr: '@l' } }] }]\n";
	const small = new PolicyProcess({ memory: 60 });
	await expect(small.check({ text, source: "p.yaml" }, { folder })).rejects.toBeInstanceOf(TooLargeError);
}, 60_000);

test("a build ends a check in progress, and does not wait for it", async () => {
	const check = builder.check(HUGE, LISTS).catch((error: unknown) => error);
	const [built, ended] = await Promise.all([builder.build(BUILD, LISTS), check]);
	expect(built.ok).toBe(true);
	expect(ended).toBeInstanceOf(BusyError);
}, 60_000);

test("a check that comes during a build waits for it", async () => {
	const order: string[] = [];
	await Promise.all([
		builder.build(BUILD, LISTS).then(() => order.push("build")),
		builder.check(POLICY, LISTS).then(() => order.push("check")),
	]);
	expect(order).toEqual(["build", "check"]);
}, 60_000);

/** The capability sets and NoNewPrivs of proc_pid_status(5). */
const setsOf = (status: string) =>
	Object.fromEntries([...status.matchAll(/^(Cap\w+|NoNewPrivs):\s+(\w+)/gm)].map(([, name, value]) => [name, value]));
const NONE = "0".repeat(16);

test("the process that checks policies has no capability, in any of its threads", async () => {
	const children = () =>
		readdirSync("/proc/self/task").flatMap((thread) =>
			readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim().split(" "),
		);
	const check = builder.check(HUGE, LISTS).catch((error: unknown) => error);
	const isPolicyChild = (pid: string) =>
		pid !== "" && /^[^\0]*node\0.*policy-child\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
	const statuses = await vi.waitFor(
		() => {
			const pid = children().find(isPolicyChild);
			if (pid === undefined) throw new Error("it has not started");
			const threads = readdirSync(`/proc/${pid}/task`);
			expect(threads.length).toBeGreaterThan(1);
			return threads.map((thread) => setsOf(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8")));
		},
		{ timeout: 20_000, interval: 5 },
	);
	const bounding = process.getuid?.() === 0 ? { CapBnd: NONE } : {};
	for (const sets of statuses)
		expect(sets).toMatchObject({
			CapInh: NONE,
			CapPrm: NONE,
			CapEff: NONE,
			CapAmb: NONE,
			NoNewPrivs: "1",
			...bounding,
		});
	await check;
}, 60_000);

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("SKIPPED: not root, so the capabilities of the service's user are not tested");
test.skipIf(!isRoot).each(["cap_bpf,cap_net_admin,cap_perfmon", "cap_net_admin"])(
	"a user that has %s as the service has leaves none to the process",
	(capabilities) => {
		const sets = capabilities.replaceAll(/cap_/g, "+");
		const caps = ["--bounding-set", "--inh-caps", "--ambient-caps"].map((set) => `${set}=-all,${sets}`);
		const run = (...args: string[]) =>
			spawnSync("setpriv", ["--reuid=65534", "--clear-groups", ...caps, ...args], { encoding: "utf8" }).stdout;
		expect(setsOf(run("cat", "/proc/self/status"))["CapEff"]).not.toBe(NONE);
		const confined = setsOf(run("sh", "-c", CONFINED, "1000000", "cat", "/proc/self/status"));
		expect(confined).toMatchObject({ CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapAmb: NONE, NoNewPrivs: "1" });
	},
);
