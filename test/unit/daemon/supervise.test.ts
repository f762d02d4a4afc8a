import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { jsonLogger } from "../../../src/base/logger.ts";
import type { Health, RunningDaemon } from "../../../src/cli/deps.ts";
import { supervise } from "../../../src/daemon/supervise.ts";

let notified: Record<string, string>[];
let health: Health;
let calls: string[];
let lines: string[];
beforeEach(() => {
	vi.useFakeTimers();
	notified = [];
	calls = [];
	lines = [];
	health = { problem: null, line: "one" };
});
afterEach(() => vi.useRealTimers());

function start(watchdog: number | null): RunningDaemon {
	const daemon: RunningDaemon = {
		watch: () => async () => {},
		reload: async () => void calls.push("reload"),
		stop: async () => void calls.push("stop"),
		summary: () => ({ lost: 0 }),
		health: () => health,
	};
	const log = jsonLogger((line) => lines.push(line));
	return supervise(daemon, { watchdog, notify: (state) => void notified.push({ ...state }) }, log);
}

test("ready, reloading and stopping are reported in order", async () => {
	const daemon = start(null);
	await daemon.reload();
	await daemon.stop();
	expect(notified).toEqual([
		{ READY: "1", STATUS: "one" },
		{ RELOADING: "1", MONOTONIC_USEC: expect.stringMatching(/^\d+$/) },
		{ READY: "1", STATUS: "one" },
		{ STOPPING: "1", STATUS: "stopping" },
	]);
	expect(calls).toEqual(["reload", "stop"]);
});

test("a sign of life twice within the watchdog's time, and the status only when it changes", () => {
	start(8_000);
	notified = [];
	vi.advanceTimersByTime(8_000);
	expect(notified).toEqual([{ WATCHDOG: "1" }, { WATCHDOG: "1" }]);
	health = { problem: null, line: "two" };
	vi.advanceTimersByTime(4_000);
	expect(notified.slice(2)).toEqual([{ WATCHDOG: "1" }, { STATUS: "two" }]);
});

test("no sign of life while the event path stands still; the reason is the status, and is logged once", () => {
	start(8_000);
	notified = [];
	health = { problem: "nobody takes them", line: "one" };
	vi.advanceTimersByTime(12_000);
	expect(notified).toEqual([{ STATUS: "nobody takes them" }]);
	expect(lines).toHaveLength(1);
	health = { problem: null, line: "one" };
	vi.advanceTimersByTime(4_000);
	expect(notified.slice(1)).toEqual([{ WATCHDOG: "1" }, { STATUS: "one" }]);
});
