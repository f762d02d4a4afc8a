/** Needs of tests that a machine lacks: a skip on a person's machine, a failure in CI, and a failure if a Debian program cannot be had. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { able, ableWith } from "../../support/able.ts";
import { debianProgram } from "../../support/debian-program.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-able-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
	vi.unstubAllEnvs();
	vi.restoreAllMocks();
});

test("an unmet need is a warning, and in CI an error", () => {
	const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
	vi.stubEnv("CI", "");
	expect([able(null), ableWith("sh"), ableWith("no-such-program")]).toEqual([true, true, false]);
	expect(warn.mock.calls).toEqual([["SKIPPED: no-such-program is not installed."]]);
	vi.stubEnv("CI", "1");
	expect([able(null), ableWith("sh")]).toEqual([true, true]);
	expect(() => ableWith("no-such-program")).toThrow(
		/^no-such-program is not installed\. With CI=true .* not be skipped/,
	);
});

test("a Debian program that can be neither found nor fetched is an error with apt-get's reason, and leaves no folder", () => {
	expect(debianProgram("dash", "/bin/sh", folder)).toEqual(["/bin/sh"]);
	writeFileSync(join(folder, "apt-get"), "#!/bin/sh\necho 'E: there is no mirror' >&2\nexit 100\n");
	chmodSync(join(folder, "apt-get"), 0o755);
	vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
	const cache = join(folder, "cache");
	expect(() => debianProgram("nosuch", "/usr/sbin/nosuch", cache)).toThrow(
		/^The tests need nosuch, which is not installed and cannot be fetched: E: there is no mirror/,
	);
	expect(readdirSync(cache)).toEqual([]);
});
