/** `observe` beside an enforced policy, and the output of `run` at its end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SallyportError } from "../../../src/base/errors.ts";
import { EnforcedRecords } from "../../../src/cli/enforced.ts";
import type { ConnectionView } from "../../../src/records/view.ts";
import { connect, processEvent } from "../support/events.ts";
import { STATUS } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";
import { cli, fakeDaemon, Terminal } from "./terminal.ts";

let folder: string;
let socket: string;
let own: ConnectionView;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	socket = join(folder, "api.sock");
	const harness = new TableHarness();
	harness.feed(processEvent(), connect({ cookie: 1n }));
	own = harness.only();
});
afterEach(() => {
	vi.useRealTimers();
	rmSync(folder, { recursive: true, force: true });
});

function record(id: number, changes: Partial<ConnectionView> = {}): ConnectionView {
	return { ...own, id, verdict: "deny", phase: "connect", end: "denied", open: false, ...changes };
}

function joiner() {
	const shown: [id: number, enforced: number | null][] = [];
	const records = new EnforcedRecords((each, enforced) => shown.push([each.id, enforced?.id ?? null]));
	return { records, shown };
}

test("a connection is joined with its record, whichever comes first, and once", () => {
	const { records, shown } = joiner();
	records.own({ ...own, id: 1 });
	records.enforced(record(101));
	records.enforced(record(102, { remotePort: 5 }));
	records.own({ ...own, id: 2, remotePort: 5 });
	records.own({ ...own, id: 3 });
	expect(shown).toEqual([
		[1, 101],
		[2, 102],
	]);
	records.close();
	expect(shown.at(-1)).toEqual([3, null]);
});

test("each of two connections to one destination is joined with the record nearest in time", () => {
	const { records, shown } = joiner();
	const at = (ms: number) => new Date(Date.parse(own.first) + ms).toISOString();
	records.enforced(record(101, { first: at(20) }));
	records.enforced(record(102, { first: at(0) }));
	records.own({ ...own, id: 1 });
	records.own({ ...own, id: 2, first: at(20) });
	records.enforced(record(103, { first: at(500) }));
	records.own({ ...own, id: 3 });
	records.close();
	expect(shown).toEqual([
		[1, 102],
		[2, 101],
		[3, null],
	]);
});

test("a connection without a record is shown after a while; one that is denied later is shown again", () => {
	vi.useFakeTimers();
	const { records, shown } = joiner();
	records.own({ ...own, id: 1 });
	records.enforced(record(101, { remotePort: 5, verdict: "allow" }));
	records.own({ ...own, id: 2, remotePort: 5 });
	vi.advanceTimersByTime(10_000);
	expect(shown).toEqual([
		[2, 101],
		[1, null],
	]);
	records.enforced(record(101, { remotePort: 5 }));
	expect(shown.at(-1)).toEqual([2, 101]);
});

test("beside a daemon: its verdict is shown and observe's own beside it, in JSON and in a table", async () => {
	const daemon = await fakeDaemon(socket, ({ path }, response) => {
		if (path === "/v1/status") return STATUS;
		response.setHeader("content-type", "text/event-stream");
		response.end(`event: connection\ndata: ${JSON.stringify(record(101))}\n\n`);
		return undefined;
	});
	try {
		for (const isTerminal of [false, true]) {
			const terminal = new Terminal(isTerminal, true);
			terminal.connections = [{ ...own, verdict: "would_deny" }];
			setTimeout(terminal.end, 500);
			await cli(`observe --policy p.yaml --service ${socket}`, terminal);
			expect(terminal.stderr).toContain(
				"the daemon with process 1 enforces here (/etc/sallyport/policy.yaml, mode enforce, generation 3)",
			);
			if (isTerminal) {
				expect(terminal.stdout).toContain("POLICY      TIME");
				expect(terminal.stdout).toMatch(/\nwould deny {2}.*deny/);
				expect(terminal.stderr).toContain("1 connection; observe has left nothing in the kernel");
			} else {
				expect(JSON.parse(terminal.stdout)).toMatchObject({
					verdict: "deny",
					end: "denied",
					observed: { verdict: "would_deny" },
				});
			}
		}
	} finally {
		await daemon.close();
	}
});

test("without a daemon: the verdict is unknown where the kernel enforces, and other programs are named", async () => {
	const enforced = new Terminal();
	enforced.inKernel = "Generation 3 is in force in the kernel: `sudo sallyport detach` removes it.";
	enforced.connections = [own];
	const { stdout, stderr } = await cli(`observe --service ${socket}`, enforced);
	expect(stderr).toContain(
		"`sudo sallyport detach` removes it. No daemon reports its verdicts, so VERDICT is unknown.",
	);
	expect(JSON.parse(stdout)).toMatchObject({ verdict: "unknown", observed: { verdict: "allow" } });
	const other = new Terminal();
	other.programs = [{ hook: "cgroup_inet4_connect", name: "", id: 7 }];
	other.connections = [own];
	const beside = await cli(`observe --service ${socket}`, other);
	expect(beside.stderr).toContain("does not see what they deny: program 7 (cgroup_inet4_connect)");
	expect(JSON.parse(beside.stdout)).not.toHaveProperty("observed");
});

test("observe refuses pins that hold a policy", async () => {
	const terminal = new Terminal();
	terminal.inKernel = "Generation 3 is in force.";
	const { code, stderr } = await cli("observe --pins /sys/fs/bpf/sallyport", terminal);
	expect([code, terminal.configs]).toEqual([2, []]);
	expect(stderr).toContain("The pins at /sys/fs/bpf/sallyport are in use. Generation 3 is in force.");
});

test("run reports what stays in force at its end, also after a failure", async () => {
	for (const failure of [null, new SallyportError("LISTEN_FAILED", "busy")]) {
		const terminal = new Terminal();
		terminal.failure = failure;
		terminal.inKernel = "Generation 3 is in force.";
		const { code, stderr } = await cli("run --pins /sys/fs/bpf/p --cgroup /c", terminal);
		expect(code).toBe(failure === null ? 0 : 20);
		expect(stderr).toContain('"message":"Generation 3 is in force."');
		expect(terminal.stateAsked).toEqual([
			{ pins: "/sys/fs/bpf/p", runtimeDir: "/run/sallyport", cgroup: "/c", stateDir: "/var/lib/sallyport" },
		]);
	}
	expect((await cli("run --on-exit open")).stderr).toContain("Nothing of Sallyport is in force in the kernel.");
});
