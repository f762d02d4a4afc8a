import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";
import { exitCodes } from "./exit-codes.ts";

export function addManCommand(program: CliCommand, { out }: CliDeps): void {
	program
		.subcommand("man")
		.description("print the man page, generated from the same source as --help")
		.examples(["sallyport man | man -l -", "sallyport man > /usr/local/share/man/man1/sallyport.1"])
		.action(() => void out.write(manPage(program)));
}

/** The man page, in man(7). */
export function manPage(program: CliCommand): string {
	return [
		`.TH SALLYPORT 1 "" "sallyport ${program.version() ?? ""}" "User Commands"`,
		".SH NAME",
		`sallyport \\- ${roff(lowerFirst(program.description()).replace(/\.$/, ""))}`,
		".SH SYNOPSIS",
		...program.subcommands.flatMap(synopsis).slice(1),
		".SH DESCRIPTION",
		roff(descriptionText(program)),
		...program.subcommands.flatMap((command) => [
			`.SH ${roff(command.name().toUpperCase())}`,
			...commandLines(command),
		]),
		".SH EXAMPLES",
		...exampleLines(program).slice(1),
		'.SH "EXIT STATUS"',
		...exitCodes().flatMap(([code, name, when]) => [
			".TP",
			`.B ${code}`,
			roff(`${name}: ${when.replaceAll("`", "")}.`),
		]),
		".SH ENVIRONMENT",
		".TP",
		".B NO_COLOR",
		"Set and not empty: no colours.",
		".SH FILES",
		...FILES.flatMap(([file, what]) => [".TP", `.I ${roff(file)}`, roff(what)]),
		"",
	].join("\n");
}

function descriptionText(program: CliCommand): string {
	const names = leaves(program)
		.filter(({ needsDaemon }) => needsDaemon)
		.map((command) => nameOf(command).replace(/^sallyport /, ""));
	return `Sallyport watches every outbound connection of a Linux host, attributes it to a process, systemd unit, container, user and \
domain name, and enforces an egress policy in the kernel. These commands query the daemon over its unix socket: ${names.join(", ")}. The \
others work without a daemon; doctor reports more if one answers.`;
}

function leaves(command: CliCommand): readonly CliCommand[] {
	return command.subcommands.length === 0 ? [command] : command.subcommands.flatMap(leaves);
}

const FILES = [
	["/etc/sallyport/policy.yaml", "The policy file."],
	["/run/sallyport/sallyport.sock", "The daemon's socket, open to root and the group sallyport."],
	["/var/lib/sallyport", "History, last good policy and other state that survives a restart."],
	["/sys/fs/bpf/sallyport", "Pinned programs and maps, which enforce the policy also without a daemon."],
] as const;

function synopsis(command: CliCommand): string[] {
	if (command.subcommands.length > 0) return command.subcommands.flatMap(synopsis);
	return [".br", `.B ${roff(nameOf(command))}`, roff(command.usage())];
}

function commandLines(command: CliCommand): string[] {
	const lines = [roff(sentenceOf(command.description()))];
	for (const argument of command.registeredArguments)
		lines.push(".TP", `.I ${roff(argument.name())}`, roff(sentenceOf(argument.description)));
	for (const option of command.options.filter(({ hidden }) => !hidden)) {
		const words = option.argChoices === undefined ? "" : ` One of ${option.argChoices.join(", ")}.`;
		const preset = presetText(option.defaultValue);
		lines.push(".TP", `.B ${roff(option.flags)}`, roff(`${sentenceOf(option.description)}${words}${preset}`));
	}
	for (const below of command.subcommands) lines.push(`.SS ${roff(nameOf(below))}`, ...commandLines(below));
	return [...lines, ...(command.subcommands.length > 0 ? [] : exampleLines(command))];
}

function exampleLines({ exampleLines: lines, notes }: CliCommand): string[] {
	const shown = [".PP", ".nf", ".RS 2", ...lines.map(roff), ".RE", ".fi"];
	return [...(lines.length === 0 ? [] : shown), ...(notes === "" ? [] : [".PP", roff(notes)])];
}

function nameOf(command: CliCommand): string {
	const above = command.parent;
	return above === null ? command.name() : `${nameOf(above as CliCommand)} ${command.name()}`;
}

function presetText(value: unknown): string {
	if (value === undefined || value === true || value === false) return "";
	return ` Default: ${Array.isArray(value) ? value.join(",") : String(value)}.`;
}

function sentenceOf(text: string): string {
	return text === "" ? "" : `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

function lowerFirst(text: string): string {
	return `${text[0]?.toLowerCase()}${text.slice(1)}`;
}

/* A line that begins with a dot would be a request. Minus signs and quotes are escaped so that they can be copied as ASCII. */
function roff(text: string): string {
	return text
		.replaceAll("\\", "\\e")
		.replaceAll("-", "\\-")
		.replaceAll("'", "\\(aq")
		.replaceAll("^", "\\(ha")
		.replaceAll("~", "\\(ti")
		.replaceAll("`", "\\(ga")
		.replaceAll('"', "\\(dq")
		.replace(/^\./gm, "\\&.");
}
