/** The units: what systemd says of them, and that they agree with the rest. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../../../src/base/errors.ts";

const ROOT = join(import.meta.dirname, "../../..");
const unit = (name: string) => join(ROOT, "systemd", name);
const has = (command: string) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

test
	.skipIf(!has("systemd-analyze"))
	.each([["sallyport.service"], ["sallyport-early.service"], ["sallyport-resolved.service"]])(
	"systemd-analyze security gives %s at most 2.5",
	(name) => {
		const args = ["security", "--offline=true", "--threshold=25", "--no-pager", unit(name)];
		const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
		expect(status, stdout.slice(-200)).toBe(0);
	},
);

test.skipIf(!has("systemd-analyze"))("systemd-analyze verify knows every key", () => {
	for (const name of readdirSync(join(ROOT, "systemd")).filter((file) => /\.(service|socket)$/.test(file))) {
		const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", unit(name)], { encoding: "utf8" });
		expect(stderr.split("\n").filter((line) => /Unknown|Failed to parse|ignoring/i.test(line))).toEqual([]);
	}
});

test("the early unit's sandbox is not made below /tmp, which is mounted and emptied while it starts", () => {
	const text = readFileSync(unit("sallyport-early.service"), "utf8");
	expect(text).not.toMatch(/^Private(Devices|Tmp)=/m);
	expect(text).toMatch(/^DevicePolicy=closed$/m);
});

test("what is not tried again: the exit codes of docs/cli.md that cannot heal", () => {
	const codes = /^RestartPreventExitStatus=(.*)$/m.exec(readFileSync(unit("sallyport.service"), "utf8"))?.[1];
	const cannot = Object.values(EXIT).filter((code) => [2, 3, 21].includes(code) || (code >= 10 && code <= 18));
	expect(codes?.split(" ").map(Number)).toEqual(cannot);
	expect(readFileSync(join(ROOT, "docs/cli.md"), "utf8")).toContain(`RestartPreventExitStatus=${codes}`);
});
