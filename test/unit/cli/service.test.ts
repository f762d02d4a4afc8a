/** attach, detach, doctor, and the journal entries of run. */
import { expect, test } from "vitest";
import { connect, processEvent } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";
import { cli, Terminal } from "./terminal.ts";

test("attach reports the policy in force and until when; an invalid policy has an exit code", async () => {
	const terminal = new Terminal();
	const kept = await cli("attach --otherwise closed --state-dir /s", terminal);
	expect(kept.code).toBe(0);
	expect(terminal.asked[0]).toMatchObject({ otherwise: "closed", stateDir: "/s", anew: false, cgroup: null });
	expect(kept.stdout).toContain("In force: the last good policy, /etc/sallyport/policy.yaml of 2026-11-22");
	expect(kept.stdout).toContain("until sallyport run takes over or sallyport detach removes it");
	const nothing = new Terminal();
	nothing.attached = { ...nothing.attached, origin: "nothing", problems: ["p.yaml:1:1: wrong"] };
	const none = await cli("attach", nothing);
	expect(none.code).toBe(3);
	expect(none.stdout).toMatch(/^Nothing is in force: .*\n {2}p\.yaml:1:1: wrong\n$/);
	const closed = new Terminal();
	closed.attached = { ...closed.attached, origin: "closed" };
	expect((await cli("attach", closed)).code, "the stated default is in force").toBe(0);
});

test("detach reports its result", async () => {
	expect((await cli("detach")).stdout).toBe(
		"Detached: nothing is enforced and nothing is left at /sys/fs/bpf/sallyport.\n",
	);
	const terminal = new Terminal();
	terminal.wasThere = false;
	expect((await cli("detach --pins /p", terminal)).stdout).toBe("Nothing was attached by /p: nothing is enforced.\n");
});

test("doctor prints each finding with its fix; a failure is exit code 5, a warning exit code 0", async () => {
	const terminal = new Terminal();
	terminal.findings = [
		{ check: "jit", result: "ok", text: "compiled", advice: null },
		{ check: "boot", result: "warning", text: "late\x1b[2J", advice: "enable it" },
	];
	const well = await cli("doctor", terminal);
	expect(well.code).toBe(0);
	expect(well.stdout).toBe(
		"ok           jit               compiled\nwarning      boot              late\\x1b[2J\n                               -> enable it\n",
	);
	terminal.findings.push({ check: "pins", result: "failure", text: "gone", advice: "restart" });
	expect((await cli("doctor", terminal)).code).toBe(5);
	const user = new Terminal();
	user.findings = [{ check: "pins", result: "not_checked", text: "needs root", advice: null }];
	const skipped = await cli("doctor --socket /nonexistent", user);
	expect(skipped.code).toBe(0);
	expect(skipped.stdout).toMatch(/^not checked {2}pins +needs root\n\n1 check skipped\. .*sudo.*group sallyport/);
	const json = new Terminal();
	json.findings = terminal.findings;
	expect(JSON.parse((await cli("doctor --json", json)).stdout)).toEqual({ findings: terminal.findings });
});

test("run --journal writes denials or all records, or warns without a journal", async () => {
	const harness = new TableHarness();
	harness.feed(processEvent(), connect({ cookie: 1n }));
	const view = harness.only();
	const connections = [
		{ ...view, verdict: "deny" as const },
		{ ...view, verdict: "allow" as const },
	];
	const run = async (flags: string, journal: Terminal["journal"] = []) => {
		const terminal = new Terminal();
		Object.assign(terminal, { connections, journal });
		const { stderr } = await cli(`run --policy p.yaml ${flags}`, terminal);
		return { verdicts: journal?.map(({ verdict }) => verdict), stderr };
	};
	expect((await run("")).verdicts).toEqual([]);
	expect((await run("--journal denied")).verdicts).toEqual(["deny"]);
	expect((await run("--journal all")).verdicts).toEqual(["deny", "allow"]);
	expect((await run("--journal all", null)).stderr).toContain("no journal listens");
});
