import { expect, test } from "vitest";
import { serviceManager } from "../../../src/system/notify.ts";

test("without a socket there is no service manager; with one, a message has a line for each variable", () => {
	expect(serviceManager({}, 1, () => {})).toBeNull();
	expect(serviceManager({ NOTIFY_SOCKET: "relative" }, 1, () => {})).toBeNull();
	const sent: [string, string][] = [];
	const env: Record<string, string | undefined> = { NOTIFY_SOCKET: "@abstract", PATH: "/bin" };
	const manager = serviceManager(env, 1, (path, bytes) => void sent.push([path, Buffer.from(bytes).toString()]));
	manager?.notify({ READY: "1", STATUS: "two\nlines" });
	expect(sent).toEqual([["@abstract", "READY=1\nSTATUS=two lines"]]);
	expect(manager?.watchdog).toBeNull();
	expect(env, "a child is not the service").toEqual({ PATH: "/bin" });
});

test("the watchdog interval applies only to the process that it names", () => {
	const env = { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "30000000" };
	expect(serviceManager({ ...env }, 7, () => {})?.watchdog).toBe(30_000);
	expect(serviceManager({ ...env, WATCHDOG_PID: "7" }, 7, () => {})?.watchdog).toBe(30_000);
	expect(serviceManager({ ...env, WATCHDOG_PID: "8" }, 7, () => {})?.watchdog).toBeNull();
});

test("an unreachable manager does no harm", () => {
	const manager = serviceManager({ NOTIFY_SOCKET: "/run/x" }, 1, () => {
		throw new Error("ECONNREFUSED");
	});
	expect(() => manager?.notify({ READY: "1" })).not.toThrow();
});
