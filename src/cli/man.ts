import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";
import { exitCodes } from "./exit-codes.ts";

export function addManCommand(program: CliCommand, { out }: CliDeps): void {
	program
		.subcommand("man")
		.description("print the man page, made of the same source as --help")
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
		...program.below.flatMap(synopsis).slice(1),
		".SH DESCRIPTION",
		roff(DESCRIPTION),
		...program.below.flatMap((command) => [`.SH ${roff(command.name().toUpperCase())}`, ...commandLines(command)]),
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
		"No colours, whatever the terminal.",
		".SH FILES",
		...FILES.flatMap(([file, what]) => [".TP", `.I ${roff(file)}`, roff(what)]),
		"",
	].join("\n");
}

const DESCRIPTION = `Sallyport watches every outbound connection of a Linux host, gives it its name (process, systemd unit, container, \
user, domain), and enforces an egress policy in the kernel. All commands but run, observe, policy check, metrics-user, completion and man \
ask the daemon over its unix socket.`;

const FILES = [
	["/etc/sallyport/policy.yaml", "The policy."],
	["/run/sallyport/sallyport.sock", "The daemon's socket: root, and the group sallyport."],
	["/var/lib/sallyport", "What survives a restart."],
	["/sys/fs/bpf/sallyport", "Pinned programs and maps: they go on enforcing without the daemon."],
] as const;

function synopsis(command: CliCommand): string[] {
	if (command.below.length > 0) return command.below.flatMap(synopsis);
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
	for (const below of command.below) lines.push(`.SS ${roff(nameOf(below))}`, ...commandLines(below));
	return [...lines, ...(command.below.length > 0 ? [] : exampleLines(command))];
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

/* What begins a line with a dot or a quote would be a request; a plain minus and quotes stay what they are when copied. */
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
