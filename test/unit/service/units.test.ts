/** The systemd units pass `systemd-analyze`, and agree with the other files. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../../../src/base/errors.ts";
import { NO_RESTART } from "../../../src/cli/exit-codes.ts";
import { debianProgram } from "../../support/debian-program.ts";

const ROOT = join(import.meta.dirname, "../../..");
const unit = (name: string) => join(ROOT, "systemd", name);
const [ANALYZE = "", ...BEFORE] = debianProgram("systemd", "/usr/bin/systemd-analyze");
const analyze = (...args: readonly string[]) => spawnSync(ANALYZE, [...BEFORE, ...args], { encoding: "utf8" });

test.each([["sallyport.service"], ["sallyport-early.service"], ["sallyport-resolved.service"]])(
	"systemd-analyze security gives %s at most 2.5",
	(name) => {
		const { status, stdout } = analyze("security", "--offline=true", "--threshold=25", "--no-pager", unit(name));
		expect(status, stdout.slice(-200)).toBe(0);
	},
);

test("systemd-analyze verify knows every key", () => {
	for (const name of readdirSync(join(ROOT, "systemd")).filter((file) => /\.(service|socket)$/.test(file))) {
		const { stderr } = analyze("verify", "--man=no", unit(name));
		expect(stderr.split("\n").filter((line) => /Unknown|Failed to parse|ignoring/i.test(line))).toEqual([]);
	}
});

test("the early unit's sandbox is not made below /tmp, which is mounted and emptied while it starts", () => {
	const text = readFileSync(unit("sallyport-early.service"), "utf8");
	expect(text).not.toMatch(/^Private(Devices|Tmp)=/m);
	expect(text).toMatch(/^DevicePolicy=closed$/m);
});

/** The environment that systemd gives a unit, systemd.exec(5): assignments of the unit and its drop-ins in order, then the files. */
function environment(
	name: string,
	dropIn = "",
	file = readFileSync(unit("service.conf"), "utf8"),
): Record<string, string> {
	const set: Record<string, string> = {};
	for (const [, text = ""] of `${readFileSync(unit(name), "utf8")}\n${dropIn}`.matchAll(/^Environment=(.*)$/gm))
		for (const [, quoted, plain = ""] of text.matchAll(/"([^"]*)"|(\S+)/g)) assign(set, quoted ?? plain);
	for (const line of file.split("\n")) if (/^[^#\s]/.test(line)) assign(set, line);
	return set;
}

function assign(set: Record<string, string>, text: string): void {
	const [name = "", ...value] = text.split("=");
	set[name] = value.join("=");
}

test("the drop-ins of docs/service.md take effect beside the service.conf that is installed", () => {
	const page = readFileSync(join(ROOT, "docs/service.md"), "utf8");
	const dropIns = [...page.matchAll(/```ini\n(.*?)```/gs)].map(([, text = ""]) => text);
	const withFlags = dropIns.filter((text) => text.includes("SALLYPORT_FLAGS="));
	expect(withFlags.length).toBeGreaterThan(1);
	for (const dropIn of withFlags)
		expect(environment("sallyport.service", dropIn)["SALLYPORT_FLAGS"]).toMatch(
			/^--metrics-listen \S+ --metrics-token-file %d\//,
		);
});

test("every setting of service.conf is a comment with the default of the units, and overrides it once set", () => {
	const settings = readFileSync(unit("service.conf"), "utf8").split("\n");
	const shown: Record<string, string> = {};
	for (const line of settings) if (/^#SALLYPORT_\w+=/.test(line)) assign(shown, line.slice(1));
	const early = environment("sallyport-early.service");
	expect(environment("sallyport-early-unconfined.service")).toEqual(early);
	expect({ ...environment("sallyport.service"), ...early }).toEqual(shown);
	expect(settings.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
	expect(environment("sallyport.service", "", "SALLYPORT_JOURNAL=all\n")["SALLYPORT_JOURNAL"]).toBe("all");
});

test("systemctl reload runs a command that fails if the policy is refused", () => {
	expect(readFileSync(unit("sallyport.service"), "utf8")).toMatch(/^ExecReload=\/usr\/bin\/sallyport policy reload$/m);
});

test("systemd does not restart the service after the exit codes of NO_RESTART, which docs/cli.md lists", () => {
	const codes = /^RestartPreventExitStatus=(.*)$/m.exec(readFileSync(unit("sallyport.service"), "utf8"))?.[1];
	expect(codes?.split(" ").map(Number)).toEqual(NO_RESTART.map((name) => EXIT[name]));
	expect(readFileSync(join(ROOT, "docs/cli.md"), "utf8")).toContain(`RestartPreventExitStatus=${codes}`);
});
