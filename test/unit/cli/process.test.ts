/** The command line as a process: its streams and exit codes. No daemon and no root are needed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NODE_COMMAND, ROOT } from "../../support/paths.ts";

const SALLYPORT = `${NODE_COMMAND.join(" ")} ${join(ROOT, "src/main.ts")}`;

function shell(command: string) {
	const { status, stdout, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", command], { encoding: "utf8" });
	return { status, stdout, stderr };
}

test.each(["man", "--help", "completion bash"])("%s: a full disk is one line and exit code 6", (command) => {
	expect(shell(`${SALLYPORT} ${command} > /dev/full`)).toEqual({
		status: 6,
		stdout: "",
		stderr: "sallyport: Standard output cannot be written: no space left on device.\n",
	});
});

test("a command without output ends with its own exit code", () => {
	const { status, stderr } = shell(`${SALLYPORT} status --socket /nosuch > /dev/full`);
	expect(status).toBe(30);
	expect(stderr).toMatch(/^sallyport: The daemon cannot be reached at \/nosuch: .*\n$/);
});

test("a reader that leaves early is no error", () => {
	expect(shell(`${SALLYPORT} man | head -n 1`)).toEqual({
		status: 0,
		stdout: expect.stringMatching(/^\.TH SALLYPORT 1 .*\n$/),
		stderr: "",
	});
});

test("an unwritable standard error changes nothing", () => {
	expect(shell(`${SALLYPORT} policy check /nosuch 2> /dev/full`).status).toBe(3);
});
