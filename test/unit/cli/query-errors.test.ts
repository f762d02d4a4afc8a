/** Errors and warnings of the commands that query the daemon, against a fake daemon. */
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ask, daemon, socket, useDaemon } from "./daemon-fixture.ts";
import { problem, Terminal } from "./terminal.ts";

useDaemon();

test("no daemon, one that has ended, no permission: a message with the fix, and exit code 30", async () => {
	expect(await ask("status")).toMatchObject({
		code: 30,
		stderr: expect.stringContaining("sudo systemctl start sallyport"),
	});
	writeFileSync(socket, "");
	expect(await ask("status")).toMatchObject({ code: 30, stderr: expect.stringContaining("the daemon has ended") });
});

test("a refusal is printed with the daemon's text, and is exit code 31", async () => {
	await daemon((_, response) => problem(response, 400, 'address "x\x1b" is no address'));
	expect(await ask("connections --address 192.0.2.1")).toMatchObject({
		code: 31,
		stderr: 'sallyport: address "x\\x1b" is no address\n',
	});
});

test("a record or name that the daemon does not have", async () => {
	await daemon((_, response) => problem(response, 404, "nothing here"));
	expect(await ask("connections 1")).toMatchObject({
		code: 31,
		stderr: "sallyport: No record 1 (it may have expired).\n",
	});
	expect((await ask("names x.example")).stderr).toBe(
		"sallyport: No record of the name x.example (it may have expired).\n",
	);
});

test("without a daemon the error reports what the kernel enforces, if known", async () => {
	const terminal = Object.assign(new Terminal(), { inKernel: "The kernel still enforces generation 7." });
	const { code, stderr } = await ask("status", terminal);
	expect(code).toBe(30);
	expect(stderr).toContain("so no daemon runs here. The kernel still enforces generation 7. Start it with");
});

test("while history is not written, every list warns with time and reason, and its output is unchanged", async () => {
	const unwritten = { since: "2026-01-02T03:04:05.000Z", why: "The disk is full\x1b[2J" };
	await daemon(({ path }) =>
		path === "/v1/top"
			? { by: ["name"], rows: [], unwritten }
			: path === "/v1/names"
				? { names: [], next: null, unwritten }
				: { connections: [], next: null, unwritten },
	);
	for (const command of ["connections --json", "top --json", "top --once", "names", "names --json"]) {
		const { code, stderr, stdout } = await ask(command);
		expect(code, command).toBe(0);
		expect(stderr, command).toMatch(/history has not been written since 2026-01-02.*The disk is full/);
		expect(stderr + stdout, command).not.toContain("\x1b");
	}
});
