/** The exit codes of the commands, by the table of commands. Streams and capabilities: process.test.ts. */
import { expect, test } from "vitest";
import type { CliCommand } from "../../../src/cli/cli-command.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { manPage } from "../../../src/cli/man.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { cli, Terminal } from "./terminal.ts";

const program = buildProgram(new Terminal(), () => {});
const leaves = (command: CliCommand, path: readonly string[]): { path: string; command: CliCommand }[] =>
	command.subcommands.length === 0
		? [{ path: path.join(" "), command }]
		: command.subcommands.flatMap((each) => leaves(each, [...path, each.name()]));
const COMMANDS = leaves(program, []);
const QUERIES = COMMANDS.filter(({ command }) => command.needsDaemon).map(({ path }) => path);

/** Minimal valid arguments of each command. */
const REQUIRED: Readonly<Record<string, string>> = {
	allow: "a.example",
	deny: ":25",
	revoke: "a",
	"policy apply": "p.yaml",
	"policy diff": "p.yaml",
	"policy explain": "--name a.example",
};

test("the table has the commands that query the daemon, and the man page lists them", () => {
	expect(QUERIES).toEqual(expect.arrayContaining(["connections", "top", "status", "policy explain", "policy reload"]));
	for (const path of ["run", "observe", "replay", "attach", "detach", "doctor", "policy check", "man"])
		expect(QUERIES).not.toContain(path);
	expect(manPage(program).replaceAll("\\-", "-")).toContain(`over its unix socket: ${QUERIES.join(", ")}.`);
});

test.each(QUERIES)("%s without a daemon ends with 30 and one line", async (path) => {
	const { code, stdout, stderr } = await cli(
		`${path} ${REQUIRED[path] ?? ""} --socket /nosuch`,
		new Terminal(false, true),
	);
	expect([code, stdout]).toEqual([30, ""]);
	expect(stderr).toMatch(/^sallyport: The daemon cannot be reached at \/nosuch: .*\n$/);
});

test.each(COMMANDS.map(({ path }) => path))(
	"%s ends with 2 for an unknown option, and with 0 for --help",
	async (path) => {
		expect((await cli(`${path} --nosuch`)).code).toBe(2);
		expect((await cli(`${path} --help`)).code).toBe(0);
	},
);

test("exit codes are listed in the order of their numbers", () => {
	const codes = exitCodes().map(([code]) => code);
	expect(codes).toEqual(codes.toSorted((a, b) => a - b));
});
