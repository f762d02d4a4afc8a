/** Help that is asked for by wrong words is wrong use, and help by right words is help. */
import { expect, test } from "vitest";
import { buildProgram } from "../../../src/cli/program.ts";
import { cli, Terminal } from "./terminal.ts";

const program = buildProgram(new Terminal(), () => {});
const GROUPS = ["", ...program.subcommands.filter((each) => each.subcommands.length > 0).map((each) => each.name())];
const LEAVES = program.subcommands.flatMap((each) =>
	each.subcommands.length === 0 ? [each.name()] : each.subcommands.map((below) => `${each.name()} ${below.name()}`),
);

const UNKNOWN = GROUPS.flatMap((group) => [
	`${group} nosuch --help`,
	`${group} nosuch -h`,
	`${group} --help nosuch`,
	`${group} nosuch extra --option --help`,
	`${group} help nosuch`,
	`${group} help nosuch --help`,
	`help ${group} nosuch`,
	`${group} nosuch`,
]);

test.each([...UNKNOWN, "nosuch --version", "--version nosuch", "constructor --help", "__proto__ --help"])(
	"%s names the unknown command, and ends with 2",
	async (line) => {
		const { code, stdout, stderr } = await cli(line.trim());
		expect([code, stdout]).toEqual([2, ""]);
		expect(stderr).toMatch(/^sallyport: unknown command '(nosuch|constructor|__proto__)'\n/);
	},
);

test("a command that is nearly right is suggested, also with --help", async () => {
	expect((await cli("statu --help")).stderr).toContain("Did you mean status?");
	expect((await cli("help polcy")).stderr).toContain("Did you mean policy?");
});

test.each(LEAVES)("%s: help, and no help for other words", async (path) => {
	const { code, stdout, stderr } = await cli(`help ${path}`);
	expect([code, stderr]).toEqual([0, ""]);
	expect(stdout).toContain(`Usage: sallyport ${path} `);
	const option = await cli(`${path} --nosuch --help`);
	expect([option.code, option.stdout, option.stderr]).toEqual([2, "", expect.stringContaining("'--nosuch'")]);
	const command = path
		.split(" ")
		.reduce((at, name) => at.subcommands.find((each) => each.name() === name) ?? at, program);
	if (command.registeredArguments.at(-1)?.variadic === true) return;
	const words = "x ".repeat(command.registeredArguments.length);
	const extra = await cli(`${path} ${words}extra\x1b --help`);
	expect([extra.code, extra.stdout]).toEqual([2, ""]);
	expect(extra.stderr).toContain("too many arguments: 'extra\\x1b'");
});

test.each(["help", "help help", "help --help", "--help", "-h", "policy help", "help policy", "policy --help"])(
	"%s is help",
	async (line) => {
		const { code, stdout } = await cli(line);
		expect(code).toBe(0);
		expect(stdout).toMatch(/^Usage: sallyport (policy )?\[options\] \[command\]/);
	},
);
