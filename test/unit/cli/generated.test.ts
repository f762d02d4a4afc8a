/** Files generated from the source of the help: man page, completion, exit codes. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readVersion } from "../../../src/base/version.ts";
import { completion } from "../../../src/cli/completion.ts";
import { WHEN } from "../../../src/cli/exit-codes.ts";
import { manPage } from "../../../src/cli/man.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { ableWith } from "../../support/able.ts";
import { cli, Terminal } from "./terminal.ts";

const program = () => buildProgram(Object.assign(new Terminal(), { version: readVersion() }), () => {});
const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("man/sallyport.1 and completion/ are up to date (scripts/sallyport man > man/sallyport.1)", () => {
	expect(file("man/sallyport.1")).toBe(manPage(program()));
	expect(file("completion/sallyport.bash")).toBe(completion(program(), "bash"));
	expect(file("completion/_sallyport")).toBe(completion(program(), "zsh"));
});

test("the man page has every command, flag and exit code", async () => {
	const page = manPage(program());
	const plain = page.replaceAll("\\-", "-");
	for (const word of ["policy explain", "--metrics-listen", "--if-match", "top", "DAEMON_REFUSED"])
		expect(plain).toContain(word);
	expect((await cli("man")).stdout).toContain(".TH SALLYPORT 1");
});

test.runIf(ableWith("groff"))("groff takes the man page without a warning, and no line is lost", () => {
	const page = manPage(program());
	const result = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-rLL=100n"], { input: page, encoding: "utf8" });
	expect(result.stderr).toBe("");
	// biome-ignore lint/suspicious/noControlCharactersInRegex: bold and italics
	const text = result.stdout.replaceAll(/\x1b\[[\d;]*m/g, "");
	expect(text).toContain("sallyport names --json | jq -r 'select(.denied > 0) | .name'");
});

test.runIf(ableWith("mandoc"))("mandoc finds nothing to say about it", () => {
	const result = spawnSync("mandoc", ["-Tlint", "-Wwarning"], { input: manPage(program()), encoding: "utf8" });
	/* The man page has no date, because it is generated from the source. */
	const said = result.stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date"));
	expect(said).toEqual([]);
});

test("the table of exit codes in docs/cli.md has the same texts", () => {
	const rows = [...file("docs/cli.md").matchAll(/^\| \d+ \| `(\w+)` \| (.*) \|$/gm)].map((row) => [row[1], row[2]]);
	expect(Object.fromEntries(rows)).toEqual(WHEN);
});

/** Completions that bash offers after these words. */
function offered(...words: string[]): string[] {
	const script = `${completion(program(), "bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`;
	const result = spawnSync("bash", ["-c", script], { encoding: "utf8", cwd: new URL("../../..", import.meta.url) });
	expect(result.stderr).toBe("");
	return result.stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, commands below them, flags, their words, and files", () => {
	expect(offered("sallyport", "")).toEqual(expect.arrayContaining(["run", "policy", "top"]));
	expect(offered("sallyport", "po")).toEqual(["policy"]);
	expect(offered("sallyport", "policy", "")).toEqual(["check", "explain", "show", "apply", "reload", "diff"]);
	expect(offered("sallyport", "connections", "--ver")).toEqual(["--verdict"]);
	expect(offered("sallyport", "connections", "--verdict", "")).toEqual(["allow", "deny", "would_deny"]);
	expect(offered("sallyport", "connections", "--name", "")).toEqual([]);
	expect(offered("sallyport", "policy", "check", "package.j")).toEqual(["package.json"]);
	expect(offered("sallyport", "run", "--policy", "package.j")).toEqual(["package.json"]);
	expect(offered("sallyport", "completion", "")).toEqual(["bash", "zsh"]);
});

test.runIf(ableWith("zsh"))("zsh takes its completion", () => {
	const result = spawnSync(
		"zsh",
		["-f", "-c", `autoload -U compinit; compinit -D; ${completion(program(), "zsh")}; print -r -- $_comps[sallyport]`],
		{ encoding: "utf8" },
	);
	expect(result.stderr).toBe("");
	expect(result.stdout.trim()).toBe("_sallyport");
});

test("metrics-user prints a line of the file, and takes the password from standard input", async () => {
	expect(await cli("metrics-user prometheus")).toMatchObject({ code: 0, stdout: "prometheus:hash-of-secret\n" });
	expect((await cli("metrics-user a:b")).code).toBe(2);
});
